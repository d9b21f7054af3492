"""What Prometheus may ask of the programs beside the API: one collector a subject, one page a process."""
