"""ONVIF: what a camera is, where its pictures are, what it tells of itself."""
