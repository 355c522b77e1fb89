"""The prompt library: prompts, versions, deployments, rendering, experiments."""
