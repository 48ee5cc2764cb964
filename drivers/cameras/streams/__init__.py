"""Streams: RTSP decoded in processes of their own; `decoders` is this side, `decoder` the other."""
