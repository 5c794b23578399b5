"""How fast a channel may send, over all workers: a bucket of tokens in Redis, filled anew all the time."""

from functools import cache

import redis
from django.conf import settings

BUCKET = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local rate, size = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = math.min(size, (tonumber(kept[1]) or size) + (now - (tonumber(kept[2]) or now)) * rate)
local granted = 0
if tokens >= 1 then tokens, granted = tokens - 1, 1 end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', tostring(now))
redis.call('EXPIRE', KEYS[1], 600)
return granted
"""
"""By the clock of Redis, so that the clocks of the workers need not agree."""
BURST_SECONDS = 10
"""A channel that has rested may send at once what its rate allows in so many seconds; one letter at least."""


def may_send(channel: str, *, per_minute: int) -> bool:
    """Take one token of the channel's; False: its rate is used up for the moment. 0 a minute: no limit."""
    if not per_minute:
        return True
    size = max(1.0, per_minute * BURST_SECONDS / 60)
    return bool(_client().eval(BUCKET, 1, f"notices:rate:{channel}", per_minute / 60, size))


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=5)
