"""Uploads an exported folder to the Hugging Face hub."""

from pathlib import Path

from graders.errors import UserError


def push(folder: Path, repo: str, private: bool) -> str:
    """The address of the repository; the token is HF_TOKEN or that of `hf auth login`. Raises UserError."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, OfflineModeIsEnabled

    try:
        api = HfApi()
        api.create_repo(repo, private=private, exist_ok=True)
        api.upload_folder(folder_path=str(folder), repo_id=repo)
    except (HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, OfflineModeIsEnabled, OSError) as error:
        first = str(error).strip().splitlines()[0]
        fix = "hf auth login, or HF_TOKEN in the environment; owner/name that you may write to"
        raise UserError(f"the hub did not take it: {first}", "a repository that you may write to", fix, repo) from error
    return f"https://huggingface.co/{repo}"
