"""Cameras: ONVIF, HTTP snapshots and RTSP streams."""
