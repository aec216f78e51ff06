"""The ordinary work of an application that uses aiomcache: many tasks over a few connections."""

import asyncio

import aiomcache

from values import SIZES, address, same, value


async def every_size(client):
    keys = {f"size:{size}".encode(): value(f"size:{size}", size) for size in SIZES}
    for key, data in keys.items():
        same(await client.set(key, data), True, key)
        same(await client.get(key), data, key)
    same(await client.multi_get(*keys), tuple(keys.values()), "multi_get of every size")


async def every_command(client):
    same(await client.add(b"a", b"1"), True, "add")
    same(await client.add(b"a", b"2"), False, "add again")
    same(await client.replace(b"none", b"2"), False, "replace")
    same(await client.append(b"a", b"2"), True, "append")
    same(await client.prepend(b"a", b"0"), True, "prepend")
    same(await client.get(b"a"), b"012", "get")
    same(await client.incr(b"a", 30), 42, "incr")
    same(await client.decr(b"a", 2), 40, "decr")
    same(await client.touch(b"a", 100), True, "touch")
    same(await client.touch(b"none", 100), False, "touch of nothing")
    _, cas = await client.gets(b"a")
    same(await client.cas(b"a", b"new", cas), True, "cas")
    same(await client.cas(b"a", b"newer", cas), False, "cas with an old number")
    same(await client.multi_get(b"none", b"a", b"nothing"), (None, b"new", None), "multi_get")
    same(await client.delete(b"a"), True, "delete")
    same(await client.delete(b"a"), False, "delete again")
    same((await client.version()).split(b".")[0].isdigit(), True, "version")
    same((await client.stats())[b"version"].startswith(b"golemproxy/"), True, "stats")
    same((await client.stats(b"settings"))[b"hash"], b"fnv1a_64", "stats settings")
    await client.flush_all()
    same(await client.get(b"size:1"), None, "get after flush_all")


async def many_tasks(client):
    async def one(number):
        key = f"task:{number}".encode()
        data = value(key, SIZES[number % 14])
        for _ in range(10):
            same(await client.set(key, data), True, key)
            same(await client.multi_get(key, b"none", b"task:none"), (data, None, None), key)
    await asyncio.gather(*(one(number) for number in range(100)))


async def mistakes(client):
    try:
        await client.set(b"huge", b"z" * 3_000_000)
        raise AssertionError("a value that the server refuses was stored")
    except aiomcache.ClientException:
        pass
    same(await client.get(b"huge"), None, "a refused value")


async def main():
    host, port = address()
    client = aiomcache.Client(host, port, pool_size=5)
    await every_size(client)
    await every_command(client)
    await many_tasks(client)
    await mistakes(client)
    await client.close()
    print("aiomcache is content")


asyncio.run(asyncio.wait_for(main(), 60))
