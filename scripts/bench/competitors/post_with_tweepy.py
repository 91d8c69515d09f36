"""tweepy as in its documentation. Only the address of api.twitter.com is changed, below the library.

Answers questions as questions.ts does. With the quick X it uses one thread, because Python runs only one at a time and more
threads are slower. With the slow X it uses a thread for each simultaneous request, at most 200.
"""

import json
import sys
import threading
import time

import tweepy
from requests.adapters import HTTPAdapter

HOST = "https://api.twitter.com"


class Elsewhere(HTTPAdapter):
    def __init__(self, base):
        super().__init__(pool_maxsize=1)
        self.base = base

    def send(self, request, **options):
        request.url = request.url.replace(HOST, self.base)
        return super().send(request, **options)


def client_at(base, bot):
    client = tweepy.Client(
        consumer_key="kYq3vT8mZs2LwXc9RbNf4HdJp",
        consumer_secret="u7GxQe1TzVw5KoMn8CyBs3AhRf6LjDp2XiNv9EtUq4WmZk0YbS",
        access_token=f"{1_000_000_000 + bot}-Jx4VbQ7nLr2TzKw9MpYc5GdHs8FqAe3RtNu6",
        access_token_secret="Zp8WcRn3XkTq6VbLy1MsGd9JhFa4EuKo7QiTz2BvNxYr5",
    )
    client.session.mount(HOST, Elsewhere(base))
    return client


def compete(base, threads, window):
    posts = [0] * threads
    goes_on = True
    failures = []

    def lane(bot):
        try:
            client = client_at(base, bot)
            while goes_on:
                client.create_tweet(text=f"Line of bot {bot}: praise the salt, that asks for nothing & everything!")
                posts[bot] += 1
        except Exception as failure:  # told to whoever asked
            failures.append(failure)

    lanes = [threading.Thread(target=lane, args=(bot,), daemon=True) for bot in range(threads)]
    for thread in lanes:
        thread.start()
    while sum(posts) < 2 * threads and not failures:
        time.sleep(0.005)
    before, cpu, at = sum(posts), time.process_time(), time.monotonic()
    time.sleep(window / 1000)
    result = {
        "posts": sum(posts) - before,
        "seconds": time.monotonic() - at,
        "cpu": (time.process_time() - cpu) * 1e6,
    }
    goes_on = False
    for thread in lanes:
        thread.join()
    if failures:
        raise failures[0]
    return result


for line in sys.stdin:
    turn = json.loads(line)
    threads = 1 if turn["latency"] == 0 else min(turn["inFlight"], 200)
    try:
        answer = compete(turn["base"], threads, turn["window"])
    except Exception as failure:
        answer = {"error": repr(failure)}
    print(json.dumps(answer), flush=True)
