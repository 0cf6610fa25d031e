import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.video.redact import SecretUrl, redact


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://cam/1", "rtsp://cam/1"),
        ("rtsp://10.0.0.5:554/a/b.sdp", "rtsp://10.0.0.5:554/a/b.sdp"),
        ("rtsp://[fe80::1]:554/a", "rtsp://[fe80::1]:554/a"),
        ("udp://@239.0.0.1:1234", "udp://***@239.0.0.1:1234"),
        ("rtsp://user:hunter2@cam/1", "rtsp://***@cam/1"),
        ("rtsp://user:hunt%40er2@cam/1", "rtsp://***@cam/1"),
        ("rtsp://user:hun@ter2@cam:554/1", "rtsp://***@cam:554/1"),
        ("rtsp://user:hun/ter2@cam:554/1", "rtsp://***@cam:554/1"),
        ("rtsp://user:hun?ter2@cam:554/1", "rtsp://***@cam:554/1"),
        ("rtsp://user:hun#ter2@cam:554/1", "rtsp://***@cam:554/1"),
        ("rtsp://hunter2@cam/1", "rtsp://***@cam/1"),
        ("http://cam/x?token=hunter2&q=1", "http://cam/x?token=***&q=***"),
        ("http://cam/x?token=hunter2;q=1", "http://cam/x?token=***"),
        ("http://cam/x?hunter2", "http://cam/x?***"),
        ("http://cam/x#hunter2", "http://cam/x"),
        ("http://u:hunter2@cam/x?mail=a@b.c", "http://***@cam/x?***"),
        ("http://cam/x?mail=a@b.c", "http://cam/x?***"),
        ("rtsp://cam:554/user=admin_password=hun_ter2_channel=1_stream=0.sdp",
         "rtsp://cam:554/user=***_password=***_channel=1_stream=0.sdp"),
        ("rtsp://cam:554/user=admin&password=hunter2&channel=1", "rtsp://cam:554/user=***&password=***&channel=1"),
        ("http://cam:hunter2", "http://***"),
        ("videos/a@b.mp4", "videos/a@b.mp4"),
    ],
)  # fmt: skip
def test_table(url, shown):
    assert redact(url) == shown


WORD = st.text("abcXYZ019@:/?#%&=._-+ ", min_size=6, max_size=16)


@given(user=st.text("abcXYZ019._-%"), password=WORD, token=st.text("abcXYZ019%._-", min_size=6))
def test_no_secret_is_ever_left(user, password, token):
    user, password, token = f"USER{user}", f"PASS{password}", f"TOKEN{token}"
    shown = redact(f"rtsp://{user}:{password}@10.1.2.3:554/live?token={token}")
    for secret in ("USER", "PASS", "TOKEN"):
        assert secret not in shown
    assert password not in shown


def test_secret_url_never_shows_itself():
    url = SecretUrl("http://user:hunter2@cam/x")
    assert url.reveal() == "http://user:hunter2@cam/x"
    assert "hunter2" not in f"{url} {url!r} {[url]}"
    assert not hasattr(url, "__dict__")
