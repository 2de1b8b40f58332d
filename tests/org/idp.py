"""An identity server in a thread: just enough OpenID Connect for a log-in by authorisation code with PKCE."""

import base64
import hashlib
import json
import secrets
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import jwt

CLIENT, SECRET = "crm", "an-oidc-secret-of-the-tests-only-0123456789"


class IdentityServer:
    """Knows one person at a time: `claims` of whoever signs in next."""

    def __init__(self) -> None:
        self.claims: dict[str, object] = {}
        self._challenges: dict[str, tuple[str, str | None]] = {}
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args) -> None:
                pass

            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                if path == "/.well-known/openid-configuration":
                    self._json(server.configuration())
                elif path == "/userinfo" and self.headers["Authorization"] == "Bearer access":
                    self._json(server.claims)
                else:
                    self.send_error(404)

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self._json(server.token({name: values[0] for name, values in form.items()}))

            def _json(self, body: dict) -> None:
                payload = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def configuration(self) -> dict[str, object]:
        ends = ("authorization", "token", "userinfo")
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            **{f"{end}_endpoint": f"{self.url}/{end}" for end in ends},
        }

    def authorize(self, address: str) -> dict[str, str]:
        """What the browser brings back after the person signed in at `address`."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_hex(8)
        self._challenges[code] = (asked["code_challenge"], asked.get("nonce"))
        return {"code": code, "state": asked["state"]}

    def token(self, form: dict[str, str]) -> dict[str, object]:
        challenge, nonce = self._challenges.pop(form["code"])
        proof = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        assert (proof, form["client_secret"]) == (challenge, SECRET)
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 60, **self.claims}
        if nonce:
            claims["nonce"] = nonce
        return {"access_token": "access", "token_type": "Bearer", "id_token": jwt.encode(claims, SECRET, "HS256")}

    @contextmanager
    def running(self):
        thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
            thread.join()
