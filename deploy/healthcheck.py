"""Whether the bot in this container is well: ends with 0 where `/healthz` is green. Slim images have no curl."""

import http.client
import os
import sys

# Not urllib, which would ask a proxy for it where one is set.
connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT", "8080")), timeout=4)
try:
    connection.request("GET", "/healthz")
    answer = connection.getresponse()
except OSError as error:
    sys.exit(f"not reached: {error}")
print(answer.read().decode())
sys.exit(0 if answer.status == 200 else 1)
