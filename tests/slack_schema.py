"""Make `slack_blocks.schema.json` and `slack_manifest.schema.json` anew: `python tests/slack_schema.py` (needs npm).

Both come from the types that Slack publishes for its own SDK (`@slack/types`, `@slack/web-api`, MIT licence), turned
into JSON Schema by `ts-json-schema-generator`. Types know structure and no lengths: those are in `slack_judge.py`.
"""

import json
import subprocess
import tempfile
from pathlib import Path

PACKAGES = ("@slack/types@3.2.0", "@slack/web-api@8.2.0", "ts-json-schema-generator@2.4.0", "typescript@5.9")
SOURCE = """
import type { HomeView, KnownBlock, ModalView } from "@slack/types";
import type { Manifest } from "@slack/web-api/dist/types/request/manifest";
export type Blocks = { blocks: KnownBlock[]; views: (HomeView | ModalView)[] };
export type AppManifest = Manifest;
"""
OPTIONS = {"compilerOptions": {"strict": True, "skipLibCheck": True, "types": []}, "files": ["types.ts"]}
WANTED = {"Blocks": "slack_blocks.schema.json", "AppManifest": "slack_manifest.schema.json"}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "types.ts").write_text(SOURCE)
        (here / "tsconfig.json").write_text(json.dumps(OPTIONS))
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent", *PACKAGES], cwd=here, check=True)
        for kind, name in WANTED.items():
            generator = ["npx", "ts-json-schema-generator", "--path", "types.ts", "--tsconfig", "tsconfig.json"]
            made = subprocess.run(
                [*generator, "--type", kind, "--no-type-check"], cwd=here, check=True, capture_output=True
            )
            schema = strict(without_prose(json.loads(made.stdout)))
            Path(__file__).with_name(name).write_text(json.dumps(schema, indent=1, ensure_ascii=False) + "\n", "utf-8")


def without_prose(schema):
    """*schema* without its descriptions, which are longer than all the rest."""
    if isinstance(schema, list):
        return [without_prose(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if not (key == "description" and isinstance(value, str))}
    return {key: without_prose(value) for key, value in kept.items()}


def strict(schema):
    """*schema* without the two doors through which anything would pass: blocks of any type, manifests with any key."""
    definitions = schema["definitions"]
    if "AnyBlock" in definitions:
        definitions["AnyBlock"] = {"$ref": "#/definitions/KnownBlock"}
    if "Manifest" in definitions:
        definitions["Manifest"]["additionalProperties"] = False
    return schema


if __name__ == "__main__":
    main()
