"""The vision worker: the one process that takes, grades and hands on the pictures of all cameras."""
