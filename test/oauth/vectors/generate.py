#!/usr/bin/env python3
"""Writes oauthlib.json: requests signed by oauthlib, so that our signer is not tested with itself.

Debian: apt install python3-oauthlib. Run it again only to add cases; the keys in it are made up.
"""

import json
import pathlib

from oauthlib.oauth1.rfc5849 import signature

CONSUMER = ('consumer-token', 'consumer & secret/+=')
TOKEN = ('77-access-token', 'tøken secret%20')

URLS = [
    'https://api.x.com/2/tweets',
    'https://API.X.COM/2/tweets',
    'HTTPS://api.x.com:443/2/tweets',
    'https://api.x.com:8443/2/tweets',
    'http://127.0.0.1:80/oauth/request_token',
    'http://127.0.0.1:4010/oauth/request_token',
    'http://[::1]:4010/oauth/request_token',
    'https://api.x.com',
    'https://api.x.com/',
    'https://api.x.com/a%20b/c%2Fd',
    'https://api.x.com/a/b;c=d/~e',
    'https://api.x.com/2/tweets?b=2&a=1',
    'https://api.x.com/2/tweets?a=2&a=1&a=10',
    'https://api.x.com/2/tweets?a=&b=1',
    'https://api.x.com/2/tweets?a=x%20y&b=x+y',
    'https://api.x.com/2/tweets?a%20b=c%26d%3De',
    'https://api.x.com/2/tweets?ids%5B%5D=2&ids%5B%5D=1',
    'https://api.x.com/2/tweets?q=caf%C3%A9%20%E9%9B%A8%20%F0%9F%90%A6',
    'https://api.x.com/2/tweets?aa=1&a=2&a-=3&A=4&a%7E=5',
    'https://api.x.com/2/tweets?a=%7E%2D%2E%5F%21%2A%27%28%29',
]
FORMS = [
    [],
    [['status', 'rain on tin']],
    [['status', 'a+b & c=d %20 "e"']],
    [['status', 'café 雨 🐦 e\u0301']],
    [['a', '2'], ['a', '1'], ['A', '3'], ['', 'x'], ['b', '']],
    [['text', "it's (all) *one*! ~-._"]],
    [['lines', 'one\ntwo\r\nthree\t']],
]
EXTRA = [[], [['oauth_callback', 'oob']], [['oauth_callback', 'http://127.0.0.1:3000/back?x=1&y=2']],
         [['oauth_verifier', '1234567']]]


def case(number, method, url, form, extra, with_token):
    oauth = [
        ['oauth_consumer_key', CONSUMER[0]],
        *([['oauth_token', TOKEN[0]]] if with_token else []),
        ['oauth_signature_method', 'HMAC-SHA1'],
        ['oauth_timestamp', str(1777626000 + number)],
        ['oauth_nonce', f'nonce{number}'],
        ['oauth_version', '1.0'],
        *extra,
    ]
    query = url.partition('?')[2]
    # The form goes in as a list, so that what is signed does not depend on how a body is encoded.
    params = signature.collect_parameters(uri_query=query, body=[tuple(pair) for pair in form],
                                          headers={}, with_realm=False) + [tuple(pair) for pair in oauth]
    base = signature.signature_base_string(method, signature.base_string_uri(url),
                                           signature.normalize_parameters(params))
    client = type('Client', (), {'client_secret': CONSUMER[1],
                                 'resource_owner_secret': TOKEN[1] if with_token else ''})
    return {
        'method': method, 'url': url, 'form': form, 'oauth': extra, 'token': with_token,
        'timestamp': 1777626000 + number, 'nonce': f'nonce{number}',
        'base': base, 'signature': signature.sign_hmac_sha1_with_client(base, client),
    }


def cases():
    number = 0
    for url in URLS:
        yield case(number, 'GET', url, [], EXTRA[number % 4], number % 2 == 0)
        number += 1
    for form in FORMS:
        for url in (URLS[0], URLS[12], URLS[17]):
            yield case(number, 'POST', url, form, EXTRA[number % 4], number % 3 != 0)
            number += 1


vectors = {
    'consumer': {'token': CONSUMER[0], 'secret': CONSUMER[1]},
    'token': {'token': TOKEN[0], 'secret': TOKEN[1]},
    'cases': list(cases()),
}
text = json.dumps(vectors, indent=2, ensure_ascii=True)
pathlib.Path(__file__).with_name('oauthlib.json').write_text(text + '\n')
