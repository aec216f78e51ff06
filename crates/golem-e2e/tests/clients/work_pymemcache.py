"""The ordinary work of an application that uses pymemcache."""

import time

from pymemcache import MemcacheClientError, MemcacheServerError, MemcacheUnknownCommandError
from pymemcache.client.base import Client, PooledClient

from values import SIZES, address, same, value

HERE = {"connect_timeout": 5, "timeout": 5, "no_delay": True}


def every_size(client):
    keys = {f"size:{size}": value(f"size:{size}", size) for size in SIZES}
    for key, data in keys.items():
        same(client.set(key, data, noreply=False), True, key)
        same(client.get(key), data, key)
    same(client.get_many(list(keys)), keys, "get_many of every size")
    same(client.set_many({key: data[::-1] for key, data in keys.items()}, noreply=False), [], "set_many")
    same(client.get_many(list(keys)), {key: data[::-1] for key, data in keys.items()}, "get_many after set_many")
    same(client.delete_many(list(keys), noreply=False), True, "delete_many")
    same(client.get_many(list(keys)), {}, "get_many after delete_many")


def every_command(client):
    same(client.add("a", b"1", noreply=False), True, "add")
    same(client.add("a", b"2", noreply=False), False, "add again")
    same(client.replace("none", b"2", noreply=False), False, "replace")
    same(client.append("a", b"2", noreply=False), True, "append")
    same(client.prepend("a", b"0", noreply=False), True, "prepend")
    same(client.get("a"), b"012", "get")
    same(client.incr("a", 30), 42, "incr")
    same(client.decr("a", 50), 0, "decr")
    same(client.incr("none", 1), None, "incr of nothing")
    same(client.touch("a", 100, noreply=False), True, "touch")
    same(client.touch("none", 100, noreply=False), False, "touch of nothing")
    same(client.get("none", "default"), "default", "get of nothing")
    _, cas = client.gets("a")
    same(client.cas("a", b"new", cas, noreply=False), True, "cas")
    same(client.cas("a", b"newer", cas, noreply=False), False, "cas with an old number")
    same(client.cas("none", b"newer", cas, noreply=False), None, "cas of nothing")
    many = client.gets_many(["a", "none"])
    same(many["a"][0], b"new", "gets_many")
    same(client.delete("a", noreply=False), True, "delete")
    same(client.delete("a", noreply=False), False, "delete again")
    same(client.version().split(b".")[0].isdigit(), True, "version")
    stats = client.stats()
    same(stats[b"version"].startswith(b"golemproxy/"), True, "stats")
    same(client.stats("settings")[b"hash"], b"fnv1a_64", "stats settings")
    same(client.set("brief", b"x", expire=-1, noreply=False), True, "an expiry in the past")
    same(client.get("brief"), None, "an expiry in the past")
    same(client.set("later", b"x", expire=int(time.time()) + 1000, noreply=False), True, "a date as expiry")
    same(client.get("later"), b"x", "a date as expiry")
    same(client.set("flagged", b"x", flags=4294967295, noreply=False), True, "flags")
    same(client.raw_command(b"get flagged", b"END\r\n"), b"VALUE flagged 4294967295 1\r\nx\r\n", "flags")
    same(client.flush_all(noreply=False), True, "flush_all")
    same(client.get("later"), None, "get after flush_all")


def without_replies(client):
    for number in range(300):
        client.set(f"quiet:{number}", str(number), noreply=True)
    client.set_many({f"many:{number}": b"x" * number for number in range(300)}, noreply=True)
    same(len(client.get_many([f"quiet:{number}" for number in range(300)])), 300, "quiet sets")
    same(len(client.get_many([f"many:{number}" for number in range(300)])), 300, "quiet set_many")
    client.incr("quiet:7", 5, noreply=True)
    client.touch("quiet:7", 0, noreply=True)
    client.append("quiet:8", b"!", noreply=True)
    client.add("quiet:8", b"never", noreply=True)
    same(client.get_many(["quiet:7", "quiet:8"]), {"quiet:7": b"12", "quiet:8": b"8!"}, "quiet changes")
    client.set("quiet:big", b"y" * 300_000, noreply=True)
    client.delete_many([f"quiet:{number}" for number in range(300)], noreply=True)
    same(client.get("quiet:big"), b"y" * 300_000, "a large quiet set")
    same(client.get_many([f"quiet:{number}" for number in range(300)]), {}, "quiet deletes")


def raises(kind, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except kind:
        return
    raise AssertionError(f"{call} raised no {kind}")


def mistakes(client):
    raises(MemcacheServerError, client.set, "huge", b"z" * 3_000_000, noreply=False)
    same(client.get("huge"), None, "a refused value")
    client.set("text", b"words", noreply=False)
    raises(MemcacheClientError, client.incr, "text", 1)
    same(client.get("text"), b"words", "after a client error")
    raises(MemcacheUnknownCommandError, client.raw_command, b"lru_crawler status")
    same(client.get("text"), b"words", "after an unknown command")


for client in [Client(address(), **HERE), PooledClient(address(), max_pool_size=3, **HERE)]:
    every_size(client)
    every_command(client)
    without_replies(client)
    mistakes(client)
    client.quit()
print("pymemcache is content")
