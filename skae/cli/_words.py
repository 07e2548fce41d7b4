"""The words of a command line, as the parser takes them."""


def with_lone_hyphens(app, words):
    """Return the words so that a lone - is a value, and is not taken for an option.

    Parameters
    ----------
    app : cyclopts.App
        The commands.
    words : list of str
        What follows the name of the program.

    Returns
    -------
    words : list of str
        After an option that takes a value, - is joined to it; elsewhere it is a path.
    """
    if "-" not in words or words[0].startswith("-") or words[0] not in app:
        return words
    flags = {
        name
        for argument in app[words[0]].assemble_argument_collection()
        if argument.hint is bool
        for name in argument.names
    }
    result = []
    for word in words:
        before = result[-1] if result else ""
        if word != "-":
            result.append(word)
        elif before.startswith("--") and "=" not in before and before not in flags:
            result[-1] = f"{before}=-"
        else:
            result.append("./-")
    return result
