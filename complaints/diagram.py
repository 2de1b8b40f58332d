"""States and steps as Mermaid texts, drawn from the table of commands; docs/complaints.md holds what this says (tested)."""

from complaints.choices import State, Step
from complaints.rules import COMMANDS

#: Commands that change the state without being the command's own target: going on or back while answered.
_STAYS = {("advance", State.IN_WORK), ("advance", State.ANSWERED), ("back", State.IN_WORK)}


def states() -> str:
    """The case states and the commands between them."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.RECEIVED.value}: register"]
    moves: dict[tuple[str, str], list[str]] = {}
    for key, command in COMMANDS.items():
        for source in command.sources:
            if command.to is not None and (key, source) not in _STAYS and str(source) != str(command.to):
                moves.setdefault((str(source), str(command.to)), []).append(key)
    order = {str(state): place for place, state in enumerate(State)}
    for (source, target), keys in sorted(moves.items(), key=lambda one: (order[one[0][0]], order[one[0][1]])):
        lines.append(f"    {source} --> {target}: {', '.join(keys)}")
    return "\n".join([*lines, f"    {State.ARCHIVED.value} --> [*]"])


def steps() -> str:
    """The six steps: forward one by one, back one by one with a reason."""
    lines = ["flowchart LR"]
    lines += [f'    s{step.value}["{step.value} {step.name.lower()}"]' for step in Step]
    numbers = [step.value for step in Step]
    lines += [f"    s{n} -- advance --> s{n + 1}" for n in numbers if n in COMMANDS["advance"].steps]
    lines += [f"    s{n} -. back .-> s{n - 1}" for n in numbers if n in COMMANDS["back"].steps]
    return "\n".join(lines)


def commands() -> str:
    """The table of commands for the docs: who, from which states, at which steps, to which state."""
    lines = ["| command | by | from | steps | to | event |", "| --- | --- | --- | --- | --- | --- |"]
    for key, one in COMMANDS.items():
        steps_text = "all" if len(one.steps) == 6 else ", ".join(str(step) for step in one.steps)
        sources = ", ".join(str(source) for source in one.sources)
        lines.append(f"| `{key}` | {one.who} | {sources} | {steps_text} | {one.to or 'stays'} | `{one.event}` |")
    return "\n".join(lines)
