"""What a request gets that cannot be answered."""


class Refusal(Exception):
    """A request is not answered, for a reason that its sender is told.

    Parameters
    ----------
    message : str
        What was wrong, and what to do.
    status : int, default=400
        The HTTP status.
    headers : dict, default=None
        Further headers of the response.
    """

    def __init__(self, message, status=400, headers=None):
        super().__init__(message)
        self.status = status
        self.headers = headers
