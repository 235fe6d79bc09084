"""The cache drops what was used longest ago."""

from faceloom.studio.lru_cache import LruCache


def test_the_least_recently_used_value_is_dropped() -> None:
    cache: LruCache[str] = LruCache(5, len)
    cache.put("a", "11")
    cache.put("b", "22")
    assert cache.get("a") == "11"
    cache.put("c", "333")
    assert [cache.get(key) for key in "abc"] == ["11", None, "333"]
    cache.put("c", "3")
    cache.put("d", "44")
    assert [cache.get(key) for key in "acd"] == ["11", "3", "44"]


def test_the_newest_value_is_kept_even_if_it_is_too_large() -> None:
    cache: LruCache[str] = LruCache(2, len)
    cache.put("a", "1")
    cache.put("b", "22222")
    assert len(cache) == 1
    assert cache.get("b") == "22222"


def test_a_value_is_made_once() -> None:
    cache: LruCache[list[int]] = LruCache(2)
    made = [cache.get_or_make("a", lambda: [1]) for _ in range(2)]
    assert made[0] is made[1]
