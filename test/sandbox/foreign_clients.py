"""Two clients that know nothing of this project authorize, post and read, as their own users would.

Called with the address of a sandbox, the app key and its secret; prints what happened as JSON.
"""

import html.parser
import json
import sys
from urllib.parse import urlsplit

import requests
import tweepy
from requests_oauthlib import OAuth1Session

sandbox, app_key, app_secret = sys.argv[1:]

TEXTS = ["Rök & rim = 100 % + ~ ' ( ) * !", "“dansa” – <här> 🐺", "two\nlines"]


class Dial(requests.adapters.HTTPAdapter):
    """Carries what was signed for https://api.twitter.com to the sandbox, host name and all."""

    def send(self, request, **options):
        parts = urlsplit(request.url)
        carried = request.copy()
        carried.headers["Host"] = parts.netloc
        carried.url = sandbox + parts.path + (f"?{parts.query}" if parts.query else "")
        options["proxies"] = {}
        return super().send(carried, **options)


find_adapter = requests.Session.get_adapter


def dial_twitter(session, url):
    """tweepy makes its own sessions, so the adapter is put under all of them."""
    return Dial() if urlsplit(url).hostname == "api.twitter.com" else find_adapter(session, url)


requests.Session.get_adapter = dial_twitter


class AuthorizePage(html.parser.HTMLParser):
    """Reads the fields of a form, and the PIN."""

    def __init__(self, text):
        super().__init__()
        self.fields, self.action, self.pin, self.inside = {}, None, None, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.inside.append((tag, attributes.get("id")))
        if tag == "form":
            self.action = attributes["action"]
        if tag == "input" and attributes.get("type") == "hidden":
            self.fields[attributes["name"]] = attributes["value"]

    def handle_data(self, data):
        shown = any(name == "oauth_pin" for _, name in self.inside)
        if shown and self.inside[-1][0] == "code":
            self.pin = data.strip()

    def handle_endtag(self, tag):
        while self.inside and self.inside.pop()[0] != tag:
            pass


def play_person(link, screen_name):
    """Opens the link, names the account, presses the button and reads the PIN."""
    browser = requests.Session()
    browser.trust_env = False
    page = browser.get(link)
    page.raise_for_status()
    form = AuthorizePage(page.text)
    target = "{0.scheme}://{0.netloc}{1}".format(urlsplit(link), form.action)
    answer = browser.post(target, data={**form.fields, "screen_name": screen_name, "action": "authorize"})
    answer.raise_for_status()
    return AuthorizePage(answer.text).pin


def with_tweepy():
    handler = tweepy.OAuth1UserHandler(app_key, app_secret, callback="oob")
    pin = play_person(handler.get_authorization_url(), "by_tweepy")
    token, secret = handler.get_access_token(pin)
    client = tweepy.Client(
        consumer_key=app_key, consumer_secret=app_secret, access_token=token, access_token_secret=secret
    )
    me = client.get_me().data
    ids = [client.create_tweet(text=text).data["id"] for text in TEXTS]
    try:
        client.create_tweet(text=TEXTS[0])
        duplicate = None
    except tweepy.Forbidden as error:
        duplicate = str(error)
    shown = client.get_users_tweets(me.id, user_auth=True, since_id=ids[0], max_results=5).data
    old = tweepy.API(handler)
    status = old.update_status("by the old API & its ways")
    client.delete_tweet(ids[2])
    return {
        "pin": pin,
        "username": me.username,
        "ids": ids,
        "duplicate": duplicate,
        "shown": [post.text for post in shown],
        "old": [old.verify_credentials().screen_name, status.text, status.id == int(status.id_str)],
    }


def with_requests_oauthlib():
    session = OAuth1Session(app_key, client_secret=app_secret, callback_uri="oob")
    session.trust_env = False
    session.fetch_request_token(f"{sandbox}/oauth/request_token")
    pin = play_person(session.authorization_url(f"{sandbox}/oauth/authorize"), "by_oauthlib")
    token = session.fetch_access_token(f"{sandbox}/oauth/access_token", verifier=pin)
    posted = [session.post(f"{sandbox}/2/tweets", json={"text": text}) for text in TEXTS]
    url = f"{sandbox}/2/users/{token['user_id']}/tweets"
    shown = session.get(url, params={"tweet.fields": "created_at,entities", "max_results": 5}).json()
    return {
        "screen_name": token["screen_name"],
        "posted": [answer.status_code for answer in posted],
        "shown": [post["text"] for post in shown["data"]],
    }


print(json.dumps({"tweepy": with_tweepy(), "requests_oauthlib": with_requests_oauthlib()}))
