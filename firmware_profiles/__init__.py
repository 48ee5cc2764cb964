"""Data: gateway boards, stations and instruments, with their schema and loader."""
