"""Where rows land: no HTTP."""
