"""An OAuth 1.0a provider made of oauthlib, which knows nothing of this project.

Called with the app key and its secret; prints its port, and ends when its standard input does. A person answers
`POST /authorize` with the fields oauth_token, name and action (approve or deny). Below `/silent` the same provider does not
say whose an access token is: `GET /me`, signed, does. Below `/stock` it is as strict as oauthlib comes.
"""

import json
import os
import sys
import threading
import time
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from oauthlib.oauth1 import RequestValidator, WebApplicationServer

app_key, app_secret = sys.argv[1:]
USERS = {"grass_bot": 41, "Ødegård & søn": 42, "rain.bot": 43}


class Keeper:
    """What the provider remembers."""

    def __init__(self):
        self.requests, self.accesses, self.nonces = {}, {}, set()
        self.lock = threading.Lock()


class Validator(RequestValidator):
    """The rules of the provider. `why` holds what was wrong with each request of this thread."""

    enforce_ssl = False
    dummy_client = dummy_request_token = dummy_access_token = "dummydummydummydummydummy"

    def __init__(self, keeper, lengths):
        self.keeper, self.lengths, self.thread = keeper, lengths, threading.local()

    @property
    def nonce_length(self):
        return self.lengths

    @property
    def verifier_length(self):
        return 1, 64

    def judged(self, what, good):
        if not good:
            self.thread.why.append(what)
        return good

    def begin(self):
        self.thread.why = []

    def why(self):
        return ",".join(self.thread.why)

    def validate_timestamp_and_nonce(self, client_key, timestamp, nonce, request, request_token=None, access_token=None):
        used = (client_key, timestamp, nonce, request_token or access_token)
        with self.keeper.lock:
            fresh = used not in self.keeper.nonces
            self.keeper.nonces.add(used)
        return self.judged("nonce", fresh) and self.judged("timestamp", abs(time.time() - int(timestamp)) < 300)

    def validate_client_key(self, client_key, request):
        return self.judged("client", client_key == app_key)

    def get_client_secret(self, client_key, request):
        return app_secret if client_key == app_key else "dummy"

    def get_default_realms(self, client_key, request):
        return []

    def get_realms(self, token, request):
        return []

    def validate_requested_realms(self, client_key, realms, request):
        return True

    def validate_realms(self, client_key, token, request, uri=None, realms=None):
        return True

    def validate_redirect_uri(self, client_key, redirect_uri, request):
        return self.judged("callback", redirect_uri == "oob" or redirect_uri.startswith("http://127.0.0.1:"))

    def save_request_token(self, token, request):
        self.keeper.requests[token["oauth_token"]] = {
            "secret": token["oauth_token_secret"],
            "callback": request.redirect_uri,
            "verifier": None,
            "name": None,
        }

    def verify_request_token(self, token, request):
        return token in self.keeper.requests

    def get_redirect_uri(self, token, request):
        return self.keeper.requests[token]["callback"]

    def save_verifier(self, token, verifier, request):
        self.keeper.requests[token]["verifier"] = verifier["oauth_verifier"]

    def validate_request_token(self, client_key, token, request):
        return self.judged("token", token in self.keeper.requests)

    def get_request_token_secret(self, client_key, token, request):
        return self.keeper.requests.get(token, {"secret": "dummy"})["secret"]

    def validate_verifier(self, client_key, token, verifier, request):
        expected = self.keeper.requests.get(token, {"verifier": None})["verifier"]
        return self.judged("verifier", expected is not None and verifier == expected)

    def invalidate_request_token(self, client_key, request_token, request):
        del self.keeper.requests[request_token]

    def save_access_token(self, token, request):
        name = self.keeper.requests[request.resource_owner_key]["name"]
        self.keeper.accesses[token["oauth_token"]] = {"secret": token["oauth_token_secret"], "name": name}

    def validate_access_token(self, client_key, token, request):
        return self.judged("token", token in self.keeper.accesses)

    def get_access_token_secret(self, client_key, token, request):
        return self.keeper.accesses.get(token, {"secret": "dummy"})["secret"]


keeper = Keeper()
usual = Validator(keeper, (1, 64))
stock = Validator(keeper, RequestValidator().nonce_length)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together

    def log_message(self, *_):
        pass

    def do_GET(self):
        length = int(self.headers.get("content-length") or 0)
        self.body = self.rfile.read(length).decode()
        self.uri = f"http://{self.headers['host']}{self.path}"
        place = urlsplit(self.path).path
        variant = next((name for name in ("/silent", "/stock") if place.startswith(f"{name}/")), "")
        self.silent, self.rules = variant == "/silent", stock if variant == "/stock" else usual
        self.endpoints = WebApplicationServer(self.rules)
        self.rules.begin()
        try:
            self.route(place[len(variant) :])
        except ValueError as error:
            self.answer(400, "text/plain", str(error))

    do_POST = do_DELETE = do_GET

    def route(self, place):
        if place == "/authorize":
            return self.authorize()
        if place == "/request_token":
            return self.formal(self.endpoints.create_request_token_response(*self.asked()))
        if place == "/access_token":
            return self.formal(self.endpoints.create_access_token_response(*self.asked(), credentials=self.owner()))
        valid, request = self.endpoints.validate_protected_resource_request(*self.asked())
        if not valid:
            return self.refuse(401, "")
        token = keeper.accesses[request.resource_owner_key]
        if place == "/me":
            return self.tell({"me": {"names": [{"no": 0}], "id": USERS[token["name"]], "name": token["name"]}})
        if place == "/revoke":
            del keeper.accesses[request.resource_owner_key]
            return self.tell({})
        said = sorted((name, value) for name, value in request.params if not name.startswith("oauth_"))
        return self.tell({"method": self.command, "path": urlsplit(self.path).path, "parameters": said})

    def asked(self):
        return self.uri, self.command, self.body, dict(self.headers)

    def owner(self):
        """Whose the access token will be, as extra fields of its answer."""
        header = self.headers.get("authorization", "")
        found = [known for key, known in keeper.requests.items() if f'oauth_token="{key}"' in header]
        if self.silent or not found or found[0]["name"] is None:
            return {}
        return {"user_id": str(USERS[found[0]["name"]]), "screen_name": found[0]["name"]}

    def authorize(self):
        fields = {name: values[0] for name, values in parse_qs(self.body or urlsplit(self.path).query).items()}
        token = fields.get("oauth_token", "")
        known = keeper.requests.get(token)
        if known is None or known["verifier"] is not None:
            return self.answer(404, "text/plain", "no such request token")
        if self.command == "GET":
            box = f'<input type="hidden" name="oauth_token" value="{escape(token)}"><input name="name">'
            return self.answer(200, "text/html", f'<form action="/authorize" method="post">{box}</form>')
        if fields.get("action") == "deny":
            del keeper.requests[token]
            said = urlencode({"oauth_token": token, "oauth_problem": "user_refused"})
            to = {} if known["callback"] == "oob" else {"location": f"{known['callback']}?{said}"}
            return self.answer(302 if to else 200, "text/plain", "denied", to)
        if fields.get("name") not in USERS:
            return self.answer(422, "text/plain", "no such account")
        known["name"] = fields["name"]
        uri = f"{self.uri}?{urlencode({'oauth_token': token})}"
        headers, body, status = self.endpoints.create_authorization_response(uri)
        if body is None:
            return self.answer(status, "text/plain", "", headers)
        shown = parse_qs(body)["oauth_verifier"][0]
        self.answer(200, "text/html", f"<p>Enter this: <code>{escape(shown)}</code></p>")

    def formal(self, response):
        headers, body, status = response
        if status == 200:
            return self.answer(status, headers["Content-Type"], body)
        self.refuse(status, body or "")

    def refuse(self, status, body):
        why = self.rules.why() or "signature"
        self.answer(status, "application/x-www-form-urlencoded", body, {"x-refused-for": why})

    def tell(self, value):
        self.answer(200, "application/json", json.dumps(value))

    def answer(self, status, kind, text, headers={}):
        body = text.encode()
        self.send_response(status)
        for name, value in {"content-type": kind, "content-length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    daemon_threads = True


server = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
os._exit(0)
