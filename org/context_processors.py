def shell(request):
    """What the page frame needs."""
    return {}
