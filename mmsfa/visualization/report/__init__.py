"""The spiking report: tables in the terminal and a page that needs no server."""
