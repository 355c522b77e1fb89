"""The plugins that come with CodeTune."""
