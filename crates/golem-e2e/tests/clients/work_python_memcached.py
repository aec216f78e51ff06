"""The ordinary work of an application that uses python-memcached."""

import memcache

from values import SIZES, address, same, value

memcache.SERVER_MAX_VALUE_LENGTH = 4_000_000
client = memcache.Client(["%s:%d" % address()], socket_timeout=5, cache_cas=True, server_max_value_length=4_000_000)


def every_size():
    keys = {f"size:{size}": value(f"size:{size}", size) for size in SIZES}
    for key, data in keys.items():
        same(client.set(key, data), True, key)
        same(client.get(key), data, key)
    same(client.get_multi(list(keys)), keys, "get_multi of every size")
    same(client.set_multi({key: data[::-1] for key, data in keys.items()}), [], "set_multi")
    same(client.get_multi(list(keys)), {key: data[::-1] for key, data in keys.items()}, "get_multi after set_multi")
    same(client.set_multi({f"k{n}": n for n in range(500)}, key_prefix="pre:"), [], "set_multi with a prefix")
    same(client.get_multi(range(0), key_prefix="pre:"), {}, "get_multi of nothing")
    wanted = {f"k{n}": n for n in range(500)}
    same(client.get_multi([f"k{n}" for n in range(600)], key_prefix="pre:"), wanted, "get_multi with a prefix")
    same(client.delete_multi(list(keys)), 1, "delete_multi")
    same(client.get_multi(list(keys)), {}, "get_multi after delete_multi")


def every_command():
    same(client.add("a", "1"), True, "add")
    same(client.add("a", "2"), 0, "add again")
    same(client.replace("none", "2"), 0, "replace")
    same(client.append("a", "2"), True, "append")
    same(client.prepend("a", "0"), True, "prepend")
    same(client.get("a"), "012", "get")
    same(client.set("n", 12), True, "an integer")
    same(client.incr("n", 30), 42, "incr")
    same(client.decr("n", 50), 0, "decr")
    same(client.incr("none"), None, "incr of nothing")
    same(client.touch("n", 100), 1, "touch")
    same(client.touch("none", 100), 0, "touch of nothing")
    same(client.gets("n"), 0, "gets")
    same(client.cas("n", 5), True, "cas")
    same(client.cas("n", 6), 0, "cas with an old number")
    same(client.get("n"), 5, "get")
    same(client.set("object", {"a": [1, 2.5, "ü"]}), True, "a pickled object")
    same(client.get("object"), {"a": [1, 2.5, "ü"]}, "a pickled object")
    same(client.set("packed", "words " * 5000, min_compress_len=100), True, "a compressed value")
    same(client.get("packed"), "words " * 5000, "a compressed value")
    same(client.delete("n"), 1, "delete")
    same(client.delete("n"), 0, "delete of nothing")
    same(client.get("none", "default"), "default", "get of nothing")
    (_, stats), = client.get_stats()
    same(stats["version"].startswith("golemproxy/"), True, "stats")
    (_, stats), = client.get_stats("settings")
    same(stats["hash"], "fnv1a_64", "stats settings")
    client.flush_all()
    same(client.get("object"), None, "get after flush_all")


def without_replies():
    for number in range(300):
        client.set(f"quiet:{number}", number, noreply=True)
    keys = [f"quiet:{number}" for number in range(300)]
    same(client.get_multi(keys), {key: number for number, key in enumerate(keys)}, "quiet sets")
    client.set_multi({key: "x" * 1000 for key in keys}, noreply=True)
    client.incr("quiet:none", noreply=True)
    client.set("counter", 4, noreply=True)
    client.incr("counter", 3, noreply=True)
    client.touch("counter", 0, noreply=True)
    same(client.get("counter"), 7, "quiet incr")
    same(client.get_multi(keys), {key: "x" * 1000 for key in keys}, "quiet set_multi")
    client.delete_multi(keys, noreply=True)
    client.delete("counter", noreply=True)
    same(client.get_multi(keys + ["counter"]), {}, "quiet deletes")


def mistakes():
    same(client.set("huge", b"z" * 3_000_000), 0, "a value that the server refuses")
    same(client.get("huge"), None, "a refused value")
    same(client.set("after", "all"), True, "after a refused value")
    same(client.get("after"), "all", "after a refused value")


every_size()
every_command()
without_replies()
mistakes()
client.quit_all()
same(client.set("again", "x"), True, "after quit")
print("python-memcached is content")
