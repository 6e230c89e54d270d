"""The command `heji`, also called as `python -m bot`.

A verb that stays takes no arguments, and starts without the library that would read them: a tenth sooner.
"""

from __future__ import annotations

import logging
import sys

from bot.errors import BotError
from bot.output import fail, open_streams, say_no_more
from bot.verbs import staying


def main() -> None:
    """Run the command; every error raised on purpose ends as sentences on stderr and status 2."""
    open_streams()
    logging.getLogger().addHandler(logging.NullHandler())  # a verb without a log of its own says a sentence, no more
    try:
        status = _called(sys.argv[1:])
        sys.stdout.flush()  # here, where it may fail: later nobody could say so
    except BotError as error:
        fail(str(error))
    except BrokenPipeError:
        say_no_more()
        sys.exit(0)
    except OSError as error:
        say_no_more()
        fail(f"{error.filename or 'the output'}: {error.strerror or error}")
    sys.exit(status)


def _called(words: list[str]) -> int:
    if len(words) == 1 and words[0] in staying.VERBS:
        staying.VERBS[words[0]]()
        return 0
    from bot import cli

    return cli.call(words)


if __name__ == "__main__":
    main()
