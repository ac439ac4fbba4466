"""TRL's GRPOTrainer with our order of prompts and our engine. A test names the private methods that are overridden."""

from typing import Any

from accelerate.utils import gather_object
from trl import GRPOTrainer

from pipelines import rl_sampling
from pipelines.prompt_queue import PromptQueue


class QueuedGRPOTrainer(GRPOTrainer):  # type: ignore[misc]  # trl is untyped here
    """Draws its prompts from a queue, which is told what each generation's answers were worth."""

    def __init__(self, queue: PromptQueue, **arguments: Any) -> None:
        self._queue = queue
        super().__init__(**arguments)
        self.add_callback(queue)  # its state goes into the checkpoints

    def _get_train_sampler(self, dataset: Any = None) -> Any:  # noqa: ARG002 - the queue knows the rows by number
        return self._queue

    def _generate_single_turn(
        self, prompt_ids: Any, images: Any, multimodal_fields: Any, num_generations: Any, has_tool_images: bool = False
    ) -> Any:
        if rl_sampling.takes(self):
            return rl_sampling.draw(self, prompt_ids), None
        return super()._generate_single_turn(prompt_ids, images, multimodal_fields, num_generations, has_tool_images)

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any) -> Any:
        """(B over all processes, 1) rewards, in the order of the processes."""
        rewards = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        self._queue.tell(gather_object([example["row_index"] for example in inputs]), rewards[:, 0].tolist())
        return rewards
