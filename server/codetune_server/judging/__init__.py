"""What a model makes of findings, brought into the editor while it works, so that nothing flickers."""
