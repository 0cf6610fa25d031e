import threading

from tracker.channels import Channel


def in_thread(function, *args):
    result = []
    thread = threading.Thread(target=lambda: result.append(function(*args)), daemon=True)
    thread.start()
    return thread, result


def test_order_and_end():
    channel = Channel(3)
    for item in "abc":
        assert channel.put(item)
    channel.close()
    assert channel.take(2) == ["a", "b"]
    assert channel.take(2) == ["c"]
    assert channel.take(2) == []
    assert not channel.put("d")


def test_put_waits_for_room():
    channel = Channel(1)
    channel.put(1)
    thread, result = in_thread(channel.put, 2)
    thread.join(0.05)
    assert thread.is_alive()
    assert channel.take() == [1]
    thread.join(20)
    assert result == [True]
    assert channel.take() == [2]


def test_cancel_frees_a_waiting_producer():
    channel = Channel(1)
    channel.put(1)
    thread, result = in_thread(channel.put, 2)
    channel.cancel()
    thread.join(20)
    assert result == [False]
    assert channel.take() == []


def test_close_frees_a_waiting_consumer():
    channel = Channel(1)
    thread, result = in_thread(channel.take)
    channel.close()
    thread.join(20)
    assert result == [[]]


def test_fill_waits_for_a_whole_batch_or_the_end():
    channel = Channel(4)
    channel.put(1)
    thread, result = in_thread(lambda: channel.take(3, fill=True))
    thread.join(0.05)
    assert thread.is_alive()
    channel.put(2)
    channel.put(3)
    thread.join(20)
    assert result == [[1, 2, 3]]
    channel.put(4)
    channel.close()
    assert channel.take(3, fill=True) == [4]


def test_fill_more_than_it_holds_does_not_wait_for_ever():
    channel = Channel(2)
    channel.put(1)
    channel.put(2)
    assert channel.take(5, fill=True) == [1, 2]


def test_drop_oldest_keeps_the_newest():
    channel = Channel(2, drop_oldest=True)
    for item in range(5):
        assert channel.put(item)
    assert channel.dropped == 3
    assert channel.take(5) == [3, 4]
