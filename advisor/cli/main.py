"""The command line: loads a command only when it is called, and is the one place where errors become messages."""

import errno
import importlib
import io
import sys

import click

from graders.errors import UserError, nearest
from pipelines.language import preferred, shown, shown_sentences, speak

COMMANDS = {
    "init": "advisor.cli.init:init",
    "advise": "advisor.cli.advise:advise",
    "explain": "advisor.cli.explain:explain",
    "probe": "advisor.cli.probe:probe",
    "import-openai": "advisor.cli.import_openai:import_openai",
    "check": "advisor.cli.check:check",
    "run": "advisor.cli.run:run",
    "launch": "advisor.cli.launch:launch",
    "status": "advisor.cli.status:status",
    "compare": "advisor.cli.compare:compare",
    "export": "advisor.cli.export:export",
    "eject": "advisor.cli.eject:eject",
    "label": "advisor.cli.label:label",
    "data": "advisor.cli.data:data",
    "pilot": "advisor.cli.pilot:pilot",
    "profile": "advisor.cli.profile:profile",
    "grade": "advisor.cli.grade:grade",
    "preferences": "advisor.cli.preferences:preferences",
    "schema": "advisor.cli.schema:schema",
}
HELP = {
    "init": "Interview, look at the data, decide, and write plan.yaml.",
    "advise": "Decide from a file of facts alone, without data or a model.",
    "explain": "Tell the decision that a plan keeps, with its reasons and sources.",
    "probe": "Measure what a model does on your rows now, and whether a better prompt would do.",
    "import-openai": "Turn an OpenAI fine-tuning job or grader into plan.yaml.",
    "check": "Say what of a plan would fail later, before it costs anything.",
    "run": "Run a plan; what is done is skipped, what was stopped goes on.",
    "launch": "Write a batch script that runs a plan on a cluster.",
    "status": "Show which stages of a plan are done, and why the others would run.",
    "compare": "Show several runs side by side, paired where they answered the same rows.",
    "export": "Write the tuned model as a folder that ships, proved equal to what was measured.",
    "eject": "Write a plan as configs and data of TRL, LLaMA-Factory or Axolotl.",
    "label": "Serve a page where people compare what the model wrote.",
    "data": "Show how a data file is read: roles, findings, rendered rows.",
    "pilot": "Race the methods for some minutes, to choose by numbers.",
    "profile": "Measure a data file: counts, faults, leaks, the grader that fits.",
    "grade": "Grade a model's outputs, check a grader, or audit it on your rows.",
    "preferences": "Audit preferences before a reward model or a policy learns from them.",
    "schema": "Print the JSON Schema of plan.yaml.",
}


class Lazy(click.Group):
    """Knows its commands by name and imports one when it is called, so that --help stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, shown(text)) for name, text in HELP.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = nearest(args[0], COMMANDS)
            hint = f" Did you mean `{near}`?" if near else ""
            raise click.UsageError(f"There is no command `{args[0]}`.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="finetune-advisor")
def cli() -> None:
    """Choose between SFT, RFT and RLHF from evidence, run it, and prove that the model got better.

    \b
    Example:
      finetune-advisor init --data rows.jsonl --yes
      finetune-advisor run plan.yaml
    """


def main() -> None:
    """Runs the command line and leaves with its exit code."""
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: list[str]) -> int:
    """The exit code of a command: 0 done, 1 the user must change something, 2 usage, 3, 75, 130 as in the README."""
    _write_on_any_terminal()
    try:
        speak(preferred())
        code = cli.main(arguments, standalone_mode=False)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.UsageError as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo(shown("Interrupted."), err=True)
        return 130
    except BrokenPipeError:
        return 0
    except (UserError, OSError) as error:
        click.echo(_told(_as_user_error(error)), err=True)
        return 1
    return code if isinstance(code, int) else 0


def _write_on_any_terminal() -> None:
    """A terminal or file that cannot hold an arrow gets a "?" in its place."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _told(error: UserError) -> str:
    """The message in the user's language."""
    happened, expected, fix = (
        "\n".join(map(shown_sentences, part.split("\n"))) for part in (error.happened, error.expected, error.fix)
    )
    said = UserError(happened, expected, fix, error.where)
    return "\n".join(map(shown, f"Error: {said}".split("\n")))


def _as_user_error(error: UserError | OSError) -> UserError:
    """A full disk where output goes is the user's to mend; any other OSError is a bug and keeps its traceback."""
    if isinstance(error, UserError):
        return error
    if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
        raise error
    return UserError("the output cannot be written: no space left", "a disk with room", "make room, and run again")
