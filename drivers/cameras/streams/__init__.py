"""Streams: RTSP decoded in processes of their own."""
