"""A loop of get_multi over all servers while one of them is killed or stopped. No call may take longer than the limit, none
may return a wrong value, and the call after a failed one must be right.

usage: outage.py ADDRESS LIBRARY MODE SIGNAL PID LIMIT_MS KEYS_OF_THE_OTHERS KEYS_OF_THE_VICTIM
"""

import asyncio
import os
import signal
import sys
import threading
import time

from values import address, same, value

library, mode, signal_name, pid, limit = sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]), int(sys.argv[6]) / 1000
others, victims = sys.argv[7].split(","), sys.argv[8].split(",")
keys = [key for pair in zip(others, victims) for key in pair]
# One large enough to span reads.
wanted = {key: value(key, 70_000 if key == keys[-1] else 50) for key in keys}
FAILURES = 25 if signal_name == "SIGKILL" else 5


def pymemcache():
    from pymemcache.client.base import Client
    client = Client(address(), connect_timeout=5, timeout=5, no_delay=True)
    return lambda key, data: client.set(key, data, noreply=False), client.get_many, client.get


def python_memcached():
    import memcache
    client = memcache.Client(["%s:%d" % address()], socket_timeout=5, dead_retry=0)
    return client.set, client.get_multi, client.get


def aiomcache():
    import aiomcache
    host, port = address()
    loop = asyncio.new_event_loop()
    client = aiomcache.Client(host, port, pool_size=1)

    def get_multi(keys):
        keys = [key.encode() for key in keys]
        found = loop.run_until_complete(client.multi_get(*keys))
        return {key.decode(): data for key, data in zip(keys, found) if data is not None}

    def run(call):
        return lambda key, *arguments: loop.run_until_complete(call(key.encode(), *arguments))
    return run(client.set), get_multi, run(client.get)


slowest = 0


def timed(call, *arguments):
    """The result, or the exception as a result."""
    global slowest
    start = time.monotonic()
    try:
        return call(*arguments)
    except Exception as error:
        return error
    finally:
        slowest = max(slowest, time.monotonic() - start)


def next_call_is_right(get_multi, get):
    same(timed(get, others[0]), wanted[others[0]], "get after a failed call")
    same(timed(get_multi, others), {key: wanted[key] for key in others}, "get_multi after a failed call")


set_one, get_multi, get = {"pymemcache": pymemcache, "python-memcached": python_memcached, "aiomcache": aiomcache}[library]()
for key, data in wanted.items():
    same(bool(set_one(key, data)), True, key)
for _ in range(50):
    same(get_multi(keys), wanted, "get_multi before")

# Another thread does it, so that it happens in the middle of a call.
start = threading.Event()
threading.Thread(target=lambda: (start.wait(), os.kill(pid, getattr(signal, signal_name)))).start()
failures = rounds = 0
while failures < FAILURES:
    result = timed(get_multi, keys)
    start.set()
    rounds += 1
    if isinstance(result, dict):
        for key, data in result.items():
            same(data, wanted[key], key)
    if result == wanted:
        continue
    failures += 1
    if mode == "miss":
        same({key: result[key] for key in others}, {key: wanted[key] for key in others}, "values of the other servers")
    elif library != "python-memcached":
        same(isinstance(result, Exception), True, f"get_multi returned {result!r:.200}")
    next_call_is_right(get_multi, get)
if signal_name == "SIGSTOP":
    os.kill(pid, signal.SIGCONT)
    # It may be a moment until the proxy tries the server again.
    end = time.monotonic() + 10
    while timed(get_multi, keys) != wanted and time.monotonic() < end:
        pass
    for _ in range(50):
        same(timed(get_multi, keys), wanted, "get_multi after the server goes on")
print(f"{library} {mode} {signal_name}: {rounds} rounds, slowest call {slowest * 1000:.0f} ms, limit {limit * 1000:.0f} ms")
same(slowest < limit, True, "no call takes longer than the limit")
