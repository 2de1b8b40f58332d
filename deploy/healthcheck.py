"""Exit status 0 if the web server in this container lives; asks by a host name that it serves."""

import os
import sys
import urllib.request

host = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].lstrip(".")
request = urllib.request.Request("http://127.0.0.1:8000/healthz", headers={"Host": host})
try:
    sys.exit(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=4).status != 200)
except OSError as error:
    sys.exit(str(error))
