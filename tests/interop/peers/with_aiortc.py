#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""aiortc behind the lines that rawpeer.c understands and says."""
import asyncio
import functools
import json
import struct
import sys

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

pc = RTCPeerConnection()
channels, counts = [], {}


def say(event, **detail):
    print(json.dumps({"event": event, **detail}), flush=True)


# Bytes one by one take Python longer than the consent to go on may be silent, so what repeats is kept.
@functools.lru_cache(None)
def plain(size):
    return bytes((i * 7 + (i >> 8)) & 255 for i in range(size))


@functools.lru_cache(256)
def added(n):
    return bytes((b + n) & 255 for b in range(256))


def pattern(size, seed):
    return plain(size).translate(added(seed & 255))


def letters(size, seed):
    return "".join(chr(97 + (i * 7 + (i >> 8) + seed) % 26) for i in range(size))


def sum_of(data, h=1):
    for b in data:
        h = (h * 31 + b) & 0xFFFFFFFF
    return h


@functools.lru_cache(512)
def sum_of_rest(data):
    return sum_of(data, 0)


def sum_on(h, data):
    rest = data[4:]
    return (sum_of(data[:4], h) * pow(31, len(rest), 1 << 32) + sum_of_rest(rest)) & 0xFFFFFFFF


def numbered(size, number):
    return struct.pack("!I", number) + pattern(size, number)[4:]


class Count:
    def __init__(self, wanted):
        self.wanted, self.seen, self.last, self.sum = wanted, set(), -1, 1
        self.messages = self.bytes = self.twice = self.late = self.wrong = 0

    def take(self, data):
        number = struct.unpack("!I", data[:4])[0]
        self.twice += number in self.seen
        self.late += number < self.last
        self.wrong += data != numbered(len(data), number)
        self.seen.add(number)
        self.last = max(self.last, number)
        self.messages += 1
        self.bytes += len(data)
        self.sum = sum_on(self.sum, data)
        return self.messages == self.wanted

    def report(self):
        return {"messages": self.messages, "bytes": self.bytes, "sum": self.sum, "twice": self.twice,
                "late": self.late, "wrong": self.wrong, "last": self.last}


def hear(number, data):
    if isinstance(data, bytes) and number in counts:
        if counts[number].take(data):
            say("counted", channel=number, **counts[number].report())
        return
    text = isinstance(data, str)
    raw = data.encode("utf-16-le")[::2] if text else data
    say("message", channel=number, is_text=text, length=len(data), sum=sum_of(raw))


def watch(channel, how):
    channels.append(channel)
    number = len(channels)
    channel.on("open", lambda: say("open", channel=number, label=channel.label))
    channel.on("close", lambda: say("close", channel=number, label=channel.label))
    channel.on("message", lambda data: hear(number, data))
    say(how, channel=number, label=channel.label, ordered=channel.ordered, maxRetransmits=channel.maxRetransmits,
        maxPacketLifeTime=channel.maxPacketLifeTime)
    if channel.readyState == "open":
        say("open", channel=number, label=channel.label)


pc.on("datachannel", lambda channel: watch(channel, "channel"))
pc.on("connectionstatechange", lambda: say("state", state=pc.connectionState))


async def describe(description):
    await pc.setLocalDescription(description)
    say("description", type=pc.localDescription.type, sdp=pc.localDescription.sdp)


async def bulk(c):
    channel = channels[c["channel"] - 1]
    for i in range(c["count"]):
        while channel.bufferedAmount > 1 << 20:
            await asyncio.sleep(0.002)
        channel.send(numbered(c["size"], i))
        await asyncio.sleep(0)
    while c.get("drain") and channel.bufferedAmount > 0:
        await asyncio.sleep(0.002)
    say("bulked", channel=c["channel"])


async def run(c):
    what = c["do"]
    if what == "channel":
        o = c.get("options") or {}
        watch(pc.createDataChannel(c["label"], **o), "created")
    elif what == "offer":
        await describe(await pc.createOffer())
    elif what == "remote":
        await pc.setRemoteDescription(RTCSessionDescription(c["sdp"], c["type"]))
        if c["type"] == "offer":
            await describe(await pc.createAnswer())
    elif what == "candidate" and c["candidate"]:
        candidate = candidate_from_sdp(c["candidate"].split(":", 1)[1])
        candidate.sdpMid, candidate.sdpMLineIndex = c["mid"], 0
        await pc.addIceCandidate(candidate)
    elif what == "text":
        channels[c["channel"] - 1].send(letters(c["size"], c["seed"]))
    elif what == "bytes":
        channels[c["channel"] - 1].send(pattern(c["size"], c["seed"]))
    elif what == "bulk":
        asyncio.ensure_future(bulk(c))
    elif what == "count":
        counts[c["channel"]] = Count(c["count"])
    elif what == "report":
        say("counted", channel=c["channel"], **counts[c["channel"]].report())
    elif what == "close":
        channels[c["channel"] - 1].close()
    elif what == "end":
        await pc.close()


async def main():
    reader = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_event_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        try:
            await run(json.loads(line))
            say("reply", ok=True)
        except Exception as e:  # whatever the library says is the answer
            say("reply", ok=False, error=type(e).__name__, text=str(e))


asyncio.get_event_loop().run_until_complete(main())
