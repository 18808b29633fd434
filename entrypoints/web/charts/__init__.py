"""Drawings as geometry: what the templates turn into SVG."""
