"""Proves how the program takes HTTP itself: rubbish, limits, deadlines, and the finer points.

Rubbish gets a clean refusal, never a 5xx, and never harms the next request or another client.
"""

import json
import random
import time

from boxoffice import Server, cancel, create_ticket, get_ticket, new_id, reserve, wait_ticket
from check import (Cases, expect, expect_error, expect_errors, expect_not_found,
                   expect_something_wrong, slow_factor, wait_for)

PARALLEL = 16

TITLE = ("Title is required", "title")
PRICE = ("Price must be greater than 0", "price")
BODY_MAX = 64 * 1024
DEADLINE_S = 10


def head(method, path, *lines, cookie=None):
    """The head of a raw request, in bytes."""
    all_lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *lines]
    if cookie:
        all_lines.append(f"Cookie: session={cookie}")
    return "\r\n".join(all_lines).encode("latin-1") + b"\r\n\r\n"


def json_post(path, body, *lines, cookie=None):
    """A whole raw POST of JSON bytes."""
    return head("POST", path, "Content-Type: application/json", f"Content-Length: {len(body)}",
                *lines, cookie=cookie) + body


def session_of(client):
    return client.cookies["session"]


def is_alive(server):
    expect(server.client().get("/api/tickets?limit=1"), 200)


def ticket_body(title="A seat", price=20):
    return json.dumps({"title": title, "price": price}).encode()


# --- bodies

def test_a_body_that_is_not_json_goes_wrong(server):
    seller = server.as_user()
    bodies = [b"{", b"}", b"{]", b"[", b"nul", b"null", b"true", b"5", b'"text"', b"-1.5",
              b"{'a':1}", b'{"a":}', b'{"a":1,}', b'{"a" 1}', b'{a:1}', b'{"a":01}', b'{"a":1} x',
              b'{} {}',
              b'{"a":"\n"}', b'{"a":"\\x"}', b'{"a":"\\u12"}', b'{"a":NaN}', b'{"a":Infinity}',
              b'{"a":+1}', b'{"a":1.}', b'{"a":.5}', b'{"a":"b}', b"\0", b'{"a":1}\0',
              b"title=x&price=1", b"<x/>", b"[" * 30000, b'{"a":' * 10000,
              b"[" * 2000 + b"]" * 1999, b"\xef\xbb",
              b'{"a":tru}', b'/* c */ {}', b'{"a":1e}', b'{"title":"\0","price":1}']
    with Cases() as case:
        for body in bodies:
            with case(repr(body)):
                expect_something_wrong(seller.post("/api/tickets", raw=body))
            with case(f"signed out: {body!r}"):
                expect_something_wrong(server.client().post("/api/orders", raw=body))


def test_invalid_utf8_goes_wrong(server):
    seller = server.as_user()
    sequences = [b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82",
                 b"\x80", b"\xf8\x88\x80\x80\x80"]
    with Cases() as case:
        for sequence in sequences:
            with case(repr(sequence)):
                body = b'{"title":"a' + sequence + b'b","price":1}'
                expect_something_wrong(seller.post("/api/tickets", raw=body))


def test_odd_but_valid_strings_do_no_harm(server):
    """Escaped NUL and lone surrogates: refused cleanly or kept to the letter."""
    seller = server.as_user()
    with Cases() as case:
        for text in ['"a\\u0000b"', '"\\ud800"', '"\\udc00\\ud800"', '"\\u0007"']:
            with case(text):
                answer = seller.post("/api/tickets", raw=b'{"title":%s,"price":1}' % text.encode())
                assert answer.status in (201, 400), answer
                if answer.status == 201:
                    shown = get_ticket(seller, answer.json["id"])
                    assert shown["title"] == answer.json["title"] == json.loads(text), shown
        with case("escaped emoji"):
            answer = seller.post("/api/tickets", raw=b'{"title":"\\ud83c\\udfab","price":1}')
            assert expect(answer, 201).json["title"] == "\N{TICKET}"


def test_numbers_beyond_reason_do_no_harm(server):
    seller = server.as_user()
    with Cases() as case:
        for number in [b"1e400", b"-1e400", b"9" * 400, b"0." + b"0" * 400 + b"1", b"1e-400",
                       b"-0.0", b"18446744073709551616", b"9223372036854775807", b"1e5000000000"]:
            with case(repr(number)):
                answer = seller.post("/api/tickets", raw=b'{"title":"x","price":%s}' % number)
                expect(answer, 400)


def test_duplicate_keys_do_no_harm(server):
    """Refused, or the last one counts, as in every JavaScript program."""
    answer = server.as_user().post("/api/tickets", raw=b'{"title":"a","price":1,"title":"b"}')
    if answer.status == 201:
        assert answer.json["title"] == "b", answer
    else:
        expect(answer, 400)


def test_an_array_counts_as_an_object_without_fields(server):
    seller = server.as_user()
    with Cases() as case:
        for body in (b"[]", b'["title"]', b'[{"title":"x","price":1}]'):
            with case(repr(body)):
                expect_errors(seller.post("/api/tickets", raw=body), 400, [TITLE, PRICE])


def test_white_space_around_json_is_fine(server):
    seller = server.as_user()
    answer = seller.post("/api/tickets", raw=b'\r\n\t {"title" : "x" ,\n"price" : 1 } \n')
    assert expect(answer, 201).json["title"] == "x"


def test_an_empty_json_body_is_refused_like_an_empty_object_or_bad_json(server):
    expect(server.as_user().post("/api/tickets", raw=b""), 400)


def test_a_body_without_json_type_counts_as_an_empty_object(server):
    seller = server.as_user()
    types = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
             "application/jsonx", "application", "", "text/json-not", "json",
             "application/xml", None]
    with Cases() as case:
        for kind in types:
            with case(kind):
                for body in (ticket_body(), b"{", b"\xff\0"):
                    answer = seller.post("/api/tickets", raw=body, headers={"Content-Type": kind})
                    expect_errors(answer, 400, [TITLE, PRICE])


def test_the_json_type_may_have_parameters_and_any_case(server):
    seller = server.as_user()
    with Cases() as case:
        for kind in ["application/json", "application/json; charset=utf-8", "Application/JSON",
                     "application/json;charset=UTF-8", "application/json ; charset=\"utf-8\""]:
            with case(kind):
                expect(seller.post("/api/tickets", raw=ticket_body(),
                                   headers={"Content-Type": kind}), 201)


# --- sizes

def padded(size):
    """A valid ticket of exactly this many bytes, most of them in a field nobody asks for."""
    start = b'{"title":"big","price":1,"padding":"'
    return start + b"x" * (size - len(start) - 2) + b'"}'


def test_a_body_may_have_64_kib_and_no_more(server):
    seller = server.as_user()
    expect(seller.post("/api/tickets", raw=padded(BODY_MAX)), 201)
    assert seller.post("/api/tickets", raw=padded(BODY_MAX + 1)).status == 413
    is_alive(server)


def test_a_huge_body_is_refused_before_it_is_sent(server):
    with Cases() as case:
        for length in (BODY_MAX + 1, 10**7, 10**12, 2**63 - 1):
            with case(length):
                with server.raw(timeout=5 * slow_factor()) as raw:
                    raw.send(head("POST", "/api/tickets", "Content-Type: application/json",
                                  f"Content-Length: {length}"))
                    answer = raw.read_answer()
                    assert answer.status == 413, answer
                    assert answer.json["errors"][0]["message"], answer


def test_a_huge_chunked_body_is_refused(server):
    cookie = session_of(server.as_user())
    with server.raw() as raw:
        raw.send(head("POST", "/api/tickets", "Content-Type: application/json",
                      "Transfer-Encoding: chunked", cookie=cookie))
        try:
            for _ in range(40):
                raw.send(b"1000\r\n" + b" " * 4096 + b"\r\n")
        except ConnectionError:
            pass  # it need not listen to the end
        expect(raw.read_answer(), 413)
    is_alive(server)


def test_huge_heads_are_refused(server):
    huge = {"one long header": head("GET", "/api/tickets", "X-Long: " + "x" * 100000),
            "many headers": head("GET", "/api/tickets", *[f"X-{n}: {n}" for n in range(5000)]),
            "long path": head("GET", "/api/tickets/" + "x" * 100000),
            "long cookie": head("GET", "/api/tickets", cookie="x" * 100000),
            "endless start": b"G" * 100000}
    with Cases() as case:
        for label, data in huge.items():
            with case(label):
                with server.raw(timeout=5 * slow_factor()) as raw:
                    try:
                        raw.send(data)
                        answer = raw.read_answer()
                    except (ConnectionError, EOFError):
                        continue  # cut off is refused, too
                    assert 400 <= answer.status < 500, answer
    is_alive(server)


# --- deadlines (each takes 10 s, together as well)

def expect_cut(server, start, drip=b"", every_s=0.5):
    """Sends start, then drip over and over; the server must cut the connection off after 10 s."""
    with server.raw(timeout=0.1) as raw:
        started = time.monotonic()
        raw.send(start)
        dripped = started
        closed = False
        while not closed and time.monotonic() - started < (DEADLINE_S + 5) * slow_factor():
            try:
                closed = raw.socket.recv(65536) == b""
                if drip and time.monotonic() - dripped > every_s:
                    dripped = time.monotonic()
                    raw.send(drip)
            except TimeoutError:
                pass
            except ConnectionError:
                closed = True
        took = time.monotonic() - started
    assert closed, f"still open after {took:.1f} s"
    assert took > DEADLINE_S - 2, f"cut off after {took:.1f} s already"


def test_half_a_head_is_cut_off(server):
    expect_cut(server, b"GET /api/tickets HTTP/1.1\r\nHost: local")


def test_half_a_body_is_cut_off(server):
    expect_cut(server, head("POST", "/api/tickets", "Content-Type: application/json",
                            "Content-Length: 100") + b'{"title":')


def test_half_a_chunk_is_cut_off(server):
    expect_cut(server, head("POST", "/api/tickets", "Transfer-Encoding: chunked") + b"10\r\nabc")


def test_a_dripping_head_is_cut_off(server):
    expect_cut(server, b"GET /api/tickets HTTP/1.1\r\n", b"X-Drip: 1\r\n")


def test_a_dripping_body_is_cut_off(server):
    expect_cut(server, head("POST", "/api/tickets", "Content-Type: application/json",
                            "Content-Length: 1000"), b" ")


def test_a_dripping_second_request_is_cut_off(server):
    expect_cut(server, head("GET", "/api/tickets?limit=1") + b"GET /api", b"x")


def test_slow_senders_hold_up_nobody(server):
    slow = [server.raw() for _ in range(200)]
    try:
        for raw in slow:
            raw.send(head("POST", "/api/tickets", "Content-Length: 50") + b"{")
        started = time.monotonic()
        client = server.as_user()
        for _ in range(50):
            create_ticket(client)
        assert time.monotonic() - started < 5 * slow_factor()
    finally:
        for raw in slow:
            raw.close()


# --- pipelining, connections

def test_pipelined_requests_are_answered_in_order(server):
    cookie = session_of(server.as_user())
    count = 60
    with server.raw() as raw:
        stream = b""
        for n in range(count):
            if n % 3 == 0:
                stream += json_post("/api/tickets", ticket_body(f"Seat {n}"), cookie=cookie)
            elif n % 3 == 1:
                stream += head("GET", "/api/users/currentuser", cookie=cookie)
            else:
                stream += head("GET", f"/api/tickets/{n:024x}")
        raw.send(stream)
        for n in range(count):
            answer = raw.read_answer()
            assert answer.status == (201, 200, 404)[n % 3], f"{n}: {answer}"
            if n % 3 == 0:
                assert answer.json["title"] == f"Seat {n}", answer


def test_many_pipelined_reads_are_all_answered(server):
    with server.raw() as raw:
        raw.send(head("GET", "/api/users/currentuser") * 1000)
        for _ in range(1000):
            assert raw.read_answer().json == {"currentUser": None}


def test_a_request_may_arrive_byte_by_byte(server):
    cookie = session_of(server.as_user())
    data = json_post("/api/tickets", ticket_body("Bytewise"), cookie=cookie)
    with server.raw() as raw:
        for at in range(len(data)):
            raw.send(data[at:at + 1])
        assert raw.read_answer().json["title"] == "Bytewise"


def test_connection_close_is_honoured(server):
    with server.raw() as raw:
        raw.send(head("GET", "/api/tickets?limit=1", "Connection: close"))
        answer = raw.read_answer()
        assert answer.status == 200 and answer.headers.get("Connection", "").lower() == "close"
        assert raw.is_closed_by_peer()


def test_http_1_0_is_answered_and_closed(server):
    with server.raw() as raw:
        raw.send(b"GET /api/users/currentuser HTTP/1.0\r\n\r\n")
        answer = raw.read_answer()
        assert answer.status == 200 and answer.json == {"currentUser": None}, answer
        assert raw.is_closed_by_peer()


def test_a_connection_serves_many_requests(server):
    with server.raw() as raw:
        for _ in range(200):
            raw.send(head("GET", "/api/users/currentuser"))
            expect(raw.read_answer(), 200)


def test_a_client_that_leaves_in_the_middle_does_no_harm(server):
    cookie = session_of(server.as_user())
    for cut in range(0, 200, 5):
        raw = server.raw()
        raw.send(json_post("/api/tickets", ticket_body(), cookie=cookie)[:cut] or b"\r\n")
        raw.close()
    for _ in range(20):
        raw = server.raw()
        raw.send(json_post("/api/tickets", ticket_body(), cookie=cookie) * 5)
        raw.close()
    is_alive(server)


# --- Expect, chunks, lengths

def test_expect_100_continue_is_answered_before_the_body(server):
    body = ticket_body("Expected")
    with server.raw() as raw:
        raw.send(json_post("/api/tickets", body, "Expect: 100-continue",
                           cookie=session_of(server.as_user()))[:-len(body)])
        expect(raw.read_answer(), 100)
        raw.send(body)
        answer = raw.read_answer()
        assert answer.status == 201 and answer.json["title"] == "Expected", answer


def test_expect_with_a_body_too_large_is_refused_at_once(server):
    with server.raw() as raw:
        raw.send(head("POST", "/api/tickets", "Content-Type: application/json",
                      f"Content-Length: {BODY_MAX + 1}", "Expect: 100-continue"))
        expect(raw.read_answer(), 413)


def test_other_expectations_are_refused(server):
    with server.raw() as raw:
        raw.send(head("POST", "/api/tickets", "Content-Length: 0", "Expect: miracles"))
        expect(raw.read_final_answer(), 417)


def chunked(body, size=5, extension=b"", trailer=b""):
    pieces = [body[at:at + size] for at in range(0, len(body), size)]
    data = b"".join(b"%x%s\r\n%s\r\n" % (len(piece), extension, piece) for piece in pieces)
    return data + b"0" + extension + b"\r\n" + trailer + b"\r\n"


def test_chunked_bodies_are_read(server):
    cookie = session_of(server.as_user())
    start = head("POST", "/api/tickets", "Content-Type: application/json",
                 "Transfer-Encoding: chunked", cookie=cookie)
    with Cases() as case:
        for label, options in {"small chunks": {"size": 1}, "one chunk": {"size": 9999},
                               "extension": {"extension": b";name=value"},
                               "trailer": {"trailer": b"X-After: all\r\n"}}.items():
            with case(label):
                with server.raw() as raw:
                    raw.send(start + chunked(ticket_body(label), **options))
                    answer = raw.read_answer()
                    assert answer.status == 201 and answer.json["title"] == label, answer
                    raw.send(head("GET", "/api/users/currentuser"))
                    expect(raw.read_answer(), 200)


def test_requests_that_could_be_smuggled_are_refused(server):
    """Ambiguous framing gets 4xx and a closed connection: nothing behind it is ever answered."""
    body = ticket_body()
    length = f"Content-Length: {len(body)}"
    hidden = head("GET", "/api/users/currentuser")
    start = ("POST", "/api/tickets", "Content-Type: application/json")
    ambiguous = {
        "both lengths": head(*start, length, "Transfer-Encoding: chunked") + chunked(body),
        "both lengths, other order":
            head(*start, "Transfer-Encoding: chunked", length) + chunked(body),
        "two lengths": head(*start, length, "Content-Length: 3") + body,
        "negative length": head(*start, "Content-Length: -5") + body,
        "length with a sign": head(*start, f"Content-Length: +{len(body)}") + body,
        "length in hex": head(*start, "Content-Length: 0x10") + body,
        "length with a list": head(*start, f"Content-Length: {len(body)}, 3") + body,
        "length beyond 64 bits": head(*start, "Content-Length: 99999999999999999999") + body,
        "no length": head(*start, "Content-Length: ") + body,
        "bad chunk size": head(*start, "Transfer-Encoding: chunked") + b"zz\r\nabc\r\n0\r\n\r\n",
        "negative chunk": head(*start, "Transfer-Encoding: chunked") + b"-1\r\nabc\r\n0\r\n\r\n",
        "endless chunk": head(*start, "Transfer-Encoding: chunked") + b"fffffffffffffffff\r\nabc",
        "long chunk": head(*start, "Transfer-Encoding: chunked") + b"2\r\nabc\r\n0\r\n\r\n",
        "space before the colon": head(*start, f"Content-Length : {len(body)}") + body,
        "NUL in a header": head(*start, length, "X-A: a\0b") + body,
        "no version": b"GET /api/tickets\r\n\r\n",
        "wrong version": b"GET /api/tickets HTTP/9.9\r\n\r\n",
        "no method": b" /api/tickets HTTP/1.1\r\n\r\n",
        "bare CR": b"GET /api/tickets HTTP/1.1\rHost: x\r\n\r\n",
    }
    with Cases() as case:
        for label, data in ambiguous.items():
            with case(label):
                with server.raw(timeout=5 * slow_factor()) as raw:
                    raw.send(data + hidden)
                    said = raw.read_to_end()
                    assert said.count(b"HTTP/1.1 ") <= 1, f"more than one answer: {said!r}"
                    assert not said or said.startswith(b"HTTP/1.1 4"), said
                    assert b"currentUser" not in said, said
    is_alive(server)


def refused_framing():
    """What is not RFC 9112 to the letter, each before a request that must stay hidden."""
    start = ("POST", "/api/tickets", "Content-Type: application/json")
    chunks = head(*start, "Transfer-Encoding: chunked")
    get = b"GET /api/users/currentuser HTTP/1.1\r\n"
    after = b"Host: x\r\n\r\n"
    return {
        "chunk data without CRLF": chunks + b"2\r\n{}0\r\n\r\n",
        "chunk data and two other bytes": chunks + b"2\r\n{}xx0\r\n\r\n",
        "chunk data and a bare LF": chunks + b"2\r\n{}\n0\r\n\r\n",
        "chunk data, CR and another byte": chunks + b"2\r\n{}\rx0\r\n\r\n",
        "bare LF behind a chunk size": chunks + b"2\n{}\r\n0\r\n\r\n",
        "CR and another byte behind a chunk size": chunks + b"2\rx{}\r\n0\r\n\r\n",
        "blank behind a chunk size": chunks + b"2 \r\n{}\r\n0\r\n\r\n",
        "blank before a chunk size": chunks + b" 2\r\n{}\r\n0\r\n\r\n",
        "chunk size with 0x": chunks + b"0x2\r\n{}\r\n0\r\n\r\n",
        "chunk size with an underscore": chunks + b"0_2\r\n{}\r\n0\r\n\r\n",
        "no chunk size": chunks + b"\r\n{}\r\n0\r\n\r\n",
        "bare LF in a chunk extension": chunks + b"2;a\n{}\r\n0\r\n\r\n",
        "bare LF in a quoted chunk extension": chunks + b'2;a="\n"\r\n{}\r\n0\r\n\r\n',
        "bare CR in a chunk extension": chunks + b"2;a\rb\r\n{}\r\n0\r\n\r\n",
        "NUL in a chunk extension": chunks + b"2;a=\0\r\n{}\r\n0\r\n\r\n",
        "a chunk extension without a name": chunks + b"2;\r\n{}\r\n0\r\n\r\n",
        "last chunk and a bare LF": chunks + b"2\r\n{}\r\n0\n\n",
        "bare LF in a trailer": chunks + b"2\r\n{}\r\n0\r\nX: y\n\r\n",
        "a folded trailer": chunks + b"2\r\n{}\r\n0\r\nX: y\r\n z\r\n\r\n",
        "a trailer without a name": chunks + b"2\r\n{}\r\n0\r\n: y\r\n\r\n",
        "CR and another byte end the request line": get[:-1] + b"x" + after,
        "CR and another byte end a header": get + b"X: y\rz" + after,
        "CR and another byte end the head": get + b"Host: x\r\n\rx",
        "CR inside a value": get + b"X: y\rHost: z\r\n" + after,
        "bare LF ends the request line": get[:-2] + b"\n" + after,
        "bare LF ends a header": get + b"X: y\n" + after,
        "bare LF ends the head": get + b"Host: x\r\n\n",
        "bare LF before the request": b"\n" + get + after,
        "a folded header": get + b"X: y\r\n z\r\n" + after,
        "a header folded with a tab": get + b"X: y\r\n\tz\r\n" + after,
        "a folded first header": get + b" X: y\r\n" + after,
        "a folded header that is empty": get + b"X:\r\n \r\n" + after,
        "two blanks before the target": get.replace(b" /", b"  /") + after,
        "two blanks before the version": get.replace(b" H", b"  H") + after,
        "a blank behind the version": get.replace(b"\r", b" \r") + after,
        "a tab before the target": get.replace(b" /", b"\t/") + after,
        "a tab before the version": get.replace(b" H", b"\tH") + after,
        "a blank in the target": get.replace(b"/api", b"/ api") + after,
        "a control character in the target": get.replace(b"/api", b"/\x01api") + after,
        "DEL in the target": get.replace(b"/api", b"/\x7fapi") + after,
        "a byte that is not ASCII in the target": get.replace(b"/api", b"/\xc3\xa9api") + after,
        "a blank before the method": b" " + get + after,
        "HTTP/1.2": get.replace(b"1.1", b"1.2") + after,
        "HTTP/1.10": get.replace(b"1.1", b"1.10") + after,
        "HTTP/01.1": get.replace(b"1.1", b"01.1") + after,
        "HTTP/0.9": get.replace(b"1.1", b"0.9") + after,
        "HTTP/2.0": get.replace(b"1.1", b"2.0") + after,
        "http/1.1": get.replace(b"HTTP", b"http") + after,
        "ICE/1.1": get.replace(b"HTTP", b"ICE") + after,
        "RTSP/1.1": get.replace(b"HTTP", b"RTSP") + after,
        "a header without a colon": get + b"X\r\n" + after,
        "a header without a name": get + b": y\r\n" + after,
        "a blank in a header's name": get + b"X y: z\r\n" + after,
        "a blank before the colon": get + b"X : z\r\n" + after,
        "a tab before the colon": get + b"X\t: z\r\n" + after,
        "a bracket in a header's name": get + b"X(y): z\r\n" + after,
        "a control character in a value": get + b"X: a\x01b\r\n" + after,
        "DEL in a value": get + b"X: a\x7fb\r\n" + after,
        "a vertical tab before a length": head(*start, "Content-Length:\x0b2") + b"{}",
        "a slash in Host": get + b"Host: a/b\r\n\r\n",
        "a blank in Host": get + b"Host: a b\r\n\r\n",
        "an empty Host": get + b"Host:\r\n\r\n",
        "two Hosts": get + b"Host: a\r\n" + after,
        "no Host": get + b"\r\n",
        "chunks over HTTP/1.0": chunks.replace(b"1.1", b"1.0") + b"2\r\n{}\r\n0\r\n\r\n",
    }


def test_framing_that_is_not_to_the_letter_is_refused_and_hides_nothing(server):
    """RFC 9112: 400 and closed, however the bytes are cut."""
    hidden = head("GET", "/api/users/currentuser")
    with Cases() as case:
        for label, data in refused_framing().items():
            for cut in (None, len(data) // 2, len(data) - 1, len(data)):
                with case(f"{label}, cut at {cut}"):
                    with server.raw(timeout=5 * slow_factor()) as raw:
                        whole = data + hidden
                        raw.send(whole if cut is None else whole[:cut])
                        if cut is not None:
                            try:
                                raw.send(whole[cut:])
                            except ConnectionError:
                                pass  # refused already
                        said = raw.read_to_end()
                        assert said.startswith(b"HTTP/1.1 400 "), said
                        assert said.count(b"HTTP/1.1 ") == 1, f"more than one answer: {said!r}"
                        assert b"currentUser" not in said, said
    is_alive(server)


def test_framing_to_the_letter_is_taken(server):
    """What the RFC allows stays allowed: empty lines before a request, blanks around a value, any
    case and leading noughts of a chunk's size, extensions, trailers."""
    cookie = session_of(server.as_user())
    start = head("POST", "/api/tickets", "Content-Type: application/json",
                 "Transfer-Encoding:\t CHUNKED", cookie=cookie)
    body = ticket_body()
    size = b"%X" % len(body)
    fine = {
        "empty lines first": b"\r\n\r\n" + json_post("/api/tickets", body, cookie=cookie),
        "no blank behind the colon": json_post("/api/tickets", body, "X:y", cookie=cookie),
        "an empty value": json_post("/api/tickets", body, "X:", "Y: ", cookie=cookie),
        "a value that is not ASCII": json_post("/api/tickets", body, "X: \xe9", cookie=cookie),
        "every token character": json_post("/api/tickets", body, "!#$%&'*+-.^_`|~9z: y",
                                           cookie=cookie),
        "noughts before the size": start + b"000" + size + b"\r\n" + body + b"\r\n0000\r\n\r\n",
        "an extension": start + size + b';a;b=c;d="e \\"\xc3\xa9;\t"\r\n' + body
                        + b"\r\n0;last\r\n\r\n",
        "trailers": start + size + b"\r\n" + body + b"\r\n0\r\nA: b\r\nC:\r\n\r\n",
    }
    with Cases() as case:
        for label, data in fine.items():
            with case(label):
                with server.raw() as raw:
                    raw.send(data + head("GET", "/api/users/currentuser"))
                    expect(raw.read_answer(), 201)
                    expect(raw.read_answer(), 200)


def test_extensions_and_trailers_have_a_bound(server):
    start = head("POST", "/api/tickets", "Transfer-Encoding: chunked")
    endless = {"one extension": start + b"1;" + b"a" * 30000,
               "many extensions": start + (b"1;" + b"a" * 1000 + b"\r\nx\r\n") * 30,
               "trailers": start + b"0\r\n" + b"A: b\r\n" * 5000}
    with Cases() as case:
        for label, data in endless.items():
            with case(label):
                with server.raw(timeout=5 * slow_factor()) as raw:
                    raw.send(data)
                    expect(raw.read_answer(), 431)


def test_a_transfer_coding_other_than_chunked_is_refused(server):
    for coding in ("gzip", "gzip, chunked", "identity", "chunked, chunked", "xchunked"):
        with server.raw(timeout=5 * slow_factor()) as raw:
            raw.send(head("POST", "/api/tickets", "Content-Type: application/json",
                          f"Transfer-Encoding: {coding}", "Connection: close")
                     + chunked(ticket_body()))
            said = raw.read_to_end()
            assert not said or said[9:10] == b"4" or said.startswith(b"HTTP/1.1 501"), said


def test_random_bytes_do_no_harm(server):
    chance = random.Random(20)
    words = [b"GET ", b"POST ", b"/api/tickets", b" HTTP/1.1\r\n", b"\r\n", b"Content-Length: ",
             b"5", b"Transfer-Encoding: chunked\r\n", b"\0", b"\xff\xfe", b"Host: x\r\n", b"{",
             b"}", b":", b"Cookie: session=", b"%00", b"A" * 300, b"Expect: 100-continue\r\n",
             b"\n", b"\r"]
    for _ in range(300):
        data = b"".join(chance.choice(words) if chance.random() < 0.8 else chance.randbytes(9)
                        for _ in range(chance.randrange(1, 25)))
        with server.raw() as raw:
            raw.send(data)
            raw.socket.settimeout(0.002)
            try:
                said = raw.socket.recv(65536)
            except (TimeoutError, ConnectionError):
                said = b""
            assert not said.startswith(b"HTTP/1.1 5"), (data, said)
    is_alive(server)


# --- HEAD, ETag, paths

def test_head_answers_what_get_does_without_the_body(server):
    seller = server.as_user()
    ticket = create_ticket(seller)
    order = reserve(seller, ticket["id"])
    wait_ticket(seller, ticket["id"], order["id"])
    paths = [f"/api/tickets/{ticket['id']}", f"/api/orders/{order['id']}", "/api/orders",
             "/api/users/currentuser", f"/api/tickets/{new_id()}", "/api/tickets/abc"]
    with Cases() as case:
        for path in paths:
            with case(path):
                got, headed = seller.get(path), seller.request("HEAD", path)
                assert headed.status == got.status and headed.body == b"", headed
                for name in ("Content-Type", "Content-Length", "ETag"):
                    assert headed.headers.get(name) == got.headers.get(name), name
        with case("the list"):
            headed = seller.request("HEAD", "/api/tickets")
            assert headed.status == 200 and headed.body == b"", headed
        with case("the connection goes on"):
            with server.raw() as raw:
                raw.send(head("HEAD", paths[0]) + head("GET", "/api/users/currentuser"))
                assert raw.read_answer(head_only=True).status == 200
                assert raw.read_answer().json == {"currentUser": None}
        with case("a session is needed for HEAD, too"):
            assert server.client().request("HEAD", "/api/orders").status == 401


def test_a_ticket_has_a_weak_etag_that_changes_with_it(server):
    seller = server.as_user()
    ticket = create_ticket(seller)
    path = f"/api/tickets/{ticket['id']}"
    first = expect(seller.get(path), 200).headers["ETag"]
    assert first.startswith('W/"') and first.endswith('"'), first
    unchanged = seller.get(path, headers={"If-None-Match": first})
    assert unchanged.status == 304 and unchanged.body == b"", unchanged
    assert unchanged.headers.get("ETag") == first, unchanged.headers.items()
    expect(seller.put(path, {"title": "Other", "price": 1}), 200)
    changed = expect(seller.get(path, headers={"If-None-Match": first}), 200)
    assert changed.headers["ETag"] != first and changed.json["title"] == "Other"


def test_if_none_match_is_read_as_the_rfc_has_it(server):
    """RFC 9110, 13.1.2: a list, weak comparison, and the star."""
    seller = server.as_user()
    path = f"/api/tickets/{create_ticket(seller)['id']}"
    tag = expect(seller.get(path), 200).headers["ETag"]
    matching = [tag, tag[2:], f'"x", {tag}', f'W/"x",{tag} , "y"', "*"]
    other = ['"x"', 'W/"x"', tag[:-2] + '"', tag.replace('"', ""), "", '""', tag[:-1], "W/"]
    with Cases() as case:
        for value in matching:
            with case(value):
                assert seller.get(path, headers={"If-None-Match": value}).status == 304
                assert seller.request("HEAD", path, headers={"If-None-Match": value}).status == 304
        for value in other:
            with case(value):
                expect(seller.get(path, headers={"If-None-Match": value}), 200)


def test_an_order_has_a_weak_etag_that_changes_with_it(server):
    buyer = server.as_user()
    ticket = create_ticket(buyer)
    order = reserve(buyer, ticket["id"])
    wait_ticket(buyer, ticket["id"], order["id"])
    path = f"/api/orders/{order['id']}"
    tag = expect(buyer.get(path), 200).headers["ETag"]
    assert tag.startswith('W/"'), tag
    assert buyer.get(path, headers={"If-None-Match": tag}).status == 304
    stranger = server.as_user().get(path, headers={"If-None-Match": tag})
    expect_error(stranger, 401, "Not authorized")
    cancel(buyer, order["id"])
    changed = expect(buyer.get(path, headers={"If-None-Match": tag}), 200)
    assert changed.json["status"] == "cancelled", changed


def test_a_path_may_end_in_a_slash(server):
    client = server.as_user()
    ticket = expect(client.post("/api/tickets/", {"title": "Slash", "price": 1}), 201).json
    expect(client.get(f"/api/tickets/{ticket['id']}/"), 200)
    expect(client.put(f"/api/tickets/{ticket['id']}/", {"title": "Slash", "price": 2}), 200)
    expect(client.get("/api/tickets/"), 200)
    expect(client.get("/api/tickets/?limit=1"), 200)
    expect(client.get("/api/orders/"), 200)
    expect(client.get("/api/users/currentuser/"), 200)
    assert wait_for(lambda: client.post("/api/orders/", {"ticketId": ticket["id"]}).status == 201)
    expect(client.post("/api/users/signout/", {}), 200)


def test_unknown_routes_and_methods_are_not_found(server):
    client = server.as_user()
    unknown = [("GET", "/api"), ("GET", "/api/"), ("GET", "/api/nothing"), ("POST", "/api/nothing"),
               ("GET", "/api/users"), ("GET", "/api/users/signup"), ("GET", "/api/users/signin"),
               ("GET", "/api/users/signout"), ("POST", "/api/users/currentuser"),
               ("DELETE", "/api/users/signup"), ("PUT", "/api/tickets"), ("DELETE", "/api/tickets"),
               ("PATCH", "/api/tickets"), ("OPTIONS", "/api/orders"), ("PROPFIND", "/api/orders"),
               ("DELETE", f"/api/tickets/{new_id()}"), ("POST", f"/api/tickets/{new_id()}"),
               ("PUT", f"/api/orders/{new_id()}"), ("PATCH", f"/api/orders/{new_id()}"),
               ("GET", f"/api/tickets/{new_id()}/more"), ("GET", "/api/ticketsx"),
               ("GET", "/api//tickets"), ("GET", "/API/NOTHING"), ("GET", "/api/payments"),
               ("GET", "/apix"), ("GET", "/api/tickets/../nothing/x")]
    with Cases() as case:
        for method, path in unknown:
            with case(f"{method} {path}"):
                answer = client.request(method, path)
                if path.startswith("/api/") or path == "/api":
                    expect_not_found(answer)
                else:
                    assert answer.status == 404, answer


def test_odd_paths_do_no_harm(server):
    paths = ["/api/tickets/%", "/api/tickets/%zz", "/api/tickets/%00", "/api/tickets/..%2f..%2f",
             "/api/tickets/%2e%2e", "/%", "//", "/api/tickets/%c0%af", "/api/tickets?%zz=%",
             "/api/tickets/\x7f", "*", "http://localhost/api/tickets", "/api/tickets;x=1",
             "/api/tickets/" + "%41" * 2000, "/../../etc/passwd", "/.%2e/.%2e/etc/passwd", "?",
             "/?x"]
    with Cases() as case:
        for path in paths:
            with case(path):
                with server.raw(timeout=5 * slow_factor()) as raw:
                    raw.send(head("GET", path, "Connection: close"))
                    said = raw.read_to_end()
                    assert not said or said[9:10] in (b"2", b"3", b"4"), said[:300]
                    assert b"root:" not in said, "that is not ours to show"
    is_alive(server)


def test_a_connect_or_unknown_method_is_refused(server):
    for line in (b"CONNECT x:1", b"BREW /api", b"TRACE /api/tickets"):
        with server.raw(timeout=5 * slow_factor()) as raw:
            raw.send(line + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            assert raw.read_answer().status in (400, 404, 405, 501), line
    is_alive(server)


def test_errors_close_no_connection_without_need(server):
    with server.raw() as raw:
        for body in (b"{", b"null", b"{}"):
            raw.send(json_post("/api/tickets", body))
            assert raw.read_answer().status in (400, 401)
        raw.send(head("GET", "/api/users/currentuser"))
        expect(raw.read_answer(), 200)


def test_too_many_connections_are_refused_without_collapse():
    """Many idle connections: known clients go on, and when they leave all is as before."""
    with Server() as server:
        client = server.as_user()
        create_ticket(client)
        idle = []
        try:
            for _ in range(900):
                idle.append(server.raw(timeout=2))
            create_ticket(client)
        finally:
            for raw in idle:
                raw.close()
        wait_for(lambda: server.client().get("/api/tickets").status == 200)


def test_a_body_that_only_costs_memory_is_the_senders_fault_and_no_5xx(server):
    """Nobody raises the share of 5xx, and with it an alert, by a body of 64 KiB."""
    user = server.as_user()
    with Cases() as case:
        for name, part in (("objects", b"{},"), ("arrays", b"[],"), ("nested", b'{"a":{}},')):
            with case(name):
                body = b'{"title":"a","price":5,"x":[' + part * (60000 // len(part)) + b"0]}"
                with server.raw() as raw:
                    raw.send(json_post("/api/tickets", body, cookie=session_of(user)))
                    assert raw.read_answer().status == 400
        for name, form in (("ampersands", b"&" * 65000), ("empty pairs", b"=&" * 32000),
                           ("escaped names", b"%41=&" * 13000), ("names", b"a=b&" * 16000)):
            with case(name), server.raw() as raw:
                raw.send(head("POST", "/auth/signin", "Content-Type: application/x-www-form-urlencoded",
                              f"Content-Length: {len(form)}", "Origin: http://localhost") + form)
                assert raw.read_answer().status == 400
