"""The core as a service: aiohttp, for one user's machine or for a team."""
