"""Where events go: files, the terminal, MQTT, a webhook, recordings; each on its own thread."""
