"""Interlaced and HDR pictures -> progressive ones of standard range, by FFmpeg's filters."""

import collections
import threading
from collections.abc import Iterator

import av
from av.filter import Graph

DEINTERLACE = ("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
TONE_MAP = ("scale", "out_transfer=bt709:out_primaries=bt709:intent=perceptual")
HDR_TRANSFERS = (16, 18)  # PQ and HLG in ITU-T H.273
Pictures = Iterator[tuple[int, av.VideoFrame]]

_kept = threading.local()  # the last tone map: `graph`, and `kind` of its frames


def deinterlaced(pictures: Pictures) -> Pictures:
    """Makes pictures progressive from the first one on that is marked as interlaced.

    Args:
        pictures: Numbered frames in order of presentation.
    Yields:
        The same, as many.
    """
    graph, kind, numbers = None, None, collections.deque()
    for number, frame in pictures:
        if graph is None and not frame.interlaced_frame:
            yield number, frame
            continue
        if kind != (kind := (frame.width, frame.height, frame.format.name)) and graph:
            yield from _finished(graph, numbers)
            graph = None
        graph = graph or _graph(frame, *DEINTERLACE)
        numbers.append(number)
        frame.pts = number  # times that rise, whatever the file's were
        graph.vpush(frame)
        yield from _pulled(graph, numbers)
    if graph:
        yield from _finished(graph, numbers)


def to_standard_range(frame: av.VideoFrame) -> av.VideoFrame:
    """Tone-maps a frame of high dynamic range; returns others as they are.

    FFmpeg takes seconds to compute a table for the first frame, which serves those that follow.
    """
    if frame.color_trc not in HDR_TRANSFERS:
        return frame
    kind = (frame.width, frame.height, frame.format.name, frame.color_trc)
    if getattr(_kept, "kind", None) != kind:
        _kept.graph = _graph(frame, *TONE_MAP, source=":colorspace=bt2020nc:range=tv")
    _kept.kind = None  # if the graph fails, it is not used again
    _kept.graph.vpush(frame)
    mapped = _kept.graph.vpull()
    _kept.kind = kind
    return mapped


def _graph(frame: av.VideoFrame, name: str, options: str, source: str = "") -> Graph:
    graph = Graph()
    graph.threads = 1
    size = f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}:time_base=1/25"
    nodes = graph.add("buffer", size + source), graph.add(name, options), graph.add("buffersink")
    for node, following in zip(nodes, nodes[1:]):
        node.link_to(following)
    graph.configure()
    return graph


def _finished(graph: Graph, numbers: collections.deque) -> Pictures:
    graph.vpush(None)
    yield from _pulled(graph, numbers)


def _pulled(graph: Graph, numbers: collections.deque) -> Pictures:
    while True:
        try:
            frame = graph.vpull()
        except (BlockingIOError, EOFError):  # it needs more, or has no more
            return
        yield numbers.popleft(), frame
