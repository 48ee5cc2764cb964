"""Sends less without saying less: report by exception, and aggregates by window."""
