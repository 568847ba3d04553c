"""What an omni model reads of a shot: its frames, sound and words as one message of a user, in tokens and tensors.

The message is laid out as the Qwen-Omni family was trained on it (Qwen2.5-Omni technical report, 2025): the pictures
as a video, the sound behind it, the words last. Pictures and sound are two items of the message, not interleaved.

Limits keep a shot within a few thousand tokens. What goes beyond them is thinned out evenly over the shot's time, so
that its end counts as much as its beginning: single frames, runs of two seconds of sound, runs of 32 tokens of text.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediafm.encoders.weights import refusing
from mediafm.errors import EncoderError
from mediafm.types import FloatArray, ImageArray, ShotInput

TEXT_TOKENS = 512
MOST_PICTURE_TOKENS = 256  # of a pair of frames; larger pictures are made smaller
_LEAST_PICTURE_TOKENS = 4
_SOUND_RUN_S = 2
_TEXT_RUN = 32  # tokens
_LEAST_SOUND_S = 0.1  # shorter sound is filled up with silence
_WIDEST = 200  # sides' ratio from which pictures are refused

# As the family's tokenizers write them.
_BEGIN, _END = "<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n"
# (name in the model's config, name in its tokenizer)
_MARKS = {
    "video": ("video_token_id", "video_token"),
    "audio": ("audio_token_id", "audio_token"),
    "video_begin": ("vision_start_token_id", "vision_bos_token"),
    "video_end": ("vision_end_token_id", "vision_eos_token"),
    "audio_begin": ("audio_start_token_id", "audio_bos_token"),
    "audio_end": ("audio_end_token_id", "audio_eos_token"),
}


@dataclass(eq=False, slots=True)
class Prompt:
    """tokens [n]; content [n]: whether a token stands for something of the shot. tensors: the model's other inputs."""

    tokens: list[int] = field(default_factory=list)
    content: list[bool] = field(default_factory=list)
    tensors: dict[str, Any] = field(default_factory=dict)

    def add(self, tokens: Sequence[int], content: bool = False) -> None:
        """More tokens."""
        self.tokens += tokens
        self.content += [content] * len(tokens)


class Prompter:
    """Makes prompts for one model. folder: of its preprocessing and tokenizer. config: of its thinker.

    frames, seconds: most that is looked at of a shot. Raises EncoderError where the folder lacks something.
    """

    def __init__(self, folder: Path, config: Any, frames: int, seconds: int) -> None:
        from transformers import AutoTokenizer, WhisperFeatureExtractor
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

        with refusing(folder):
            self.tokenizer: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
            self._images: Any = Qwen2VLImageProcessorPil.from_pretrained(folder, local_files_only=True)
            self._sound: Any = WhisperFeatureExtractor.from_pretrained(folder, local_files_only=True)
        marks = {name: _mark(config, self.tokenizer, *names) for name, names in _MARKS.items()}
        self._marks = {name: token for name, token in marks.items() if token is not None}
        if lacking := marks.keys() - self._marks.keys():
            raise EncoderError(
                f"Model folder {folder} does not say which tokens stand for {', '.join(sorted(lacking))}.",
                "Download it again: config.json and the tokenizer's files must come from one omni model.",
            )
        for name, (in_config, _) in _MARKS.items():
            setattr(config, in_config, self._marks[name])  # the model looks them up there
        self._begin, self._end = (self._plain(text, special=True) for text in (_BEGIN, _END))
        self._count = sound_tokens_of_moe if "moe" in str(config.model_type) else sound_tokens
        self._most_frames, self._most_seconds = frames, seconds
        self.square = int(self._images.patch_size) * int(self._images.merge_size)  # pixels a side that make one token
        self.sample_rate = int(self._sound.sampling_rate)

    def of_shot(self, shot: ShotInput) -> Prompt:
        """Everything the shot holds; of what it lacks, nothing is said."""
        prompt = Prompt()
        prompt.add(self._begin)
        if shot.has("video"):
            self._add_video(prompt, shot)
        if shot.samples is not None and shot.has("audio"):
            self._add_sound(prompt, shot.samples)
        self._add_words(prompt, shot.text)
        prompt.add(self._end)
        return prompt

    def of_text(self, text: str) -> Prompt:
        """Words alone."""
        return self.of_shot(ShotInput((), (), None, text, 0.0))

    def _add_video(self, prompt: Prompt, shot: ShotInput) -> None:
        import torch

        kept = evenly(len(shot.frames), self._most_frames)
        pixels, grid = self._pixels([shot.frames[i] for i in kept])
        seconds = shot.duration / grid[0]  # that one step of the video's time stands for
        prompt.tensors["pixel_values_videos"] = torch.from_numpy(pixels)
        prompt.tensors["video_grid_thw"] = torch.tensor([grid])
        prompt.tensors["video_second_per_grid"] = torch.tensor([seconds])
        n = grid[0] * grid[1] * grid[2] // int(self._images.merge_size) ** 2
        self._add_block(prompt, "video", n)

    def _pixels(self, frames: Sequence[ImageArray]) -> tuple[FloatArray, tuple[int, int, int]]:
        """Patches [t * h * w, channels * depth * p * p] of a video, and its (t, h, w) in patches.

        A patch is `depth` frames deep; the last frame is repeated where they do not come out even.
        """
        height, width = frames[0].shape[:2]
        if len({frame.shape for frame in frames}) > 1 or max(height, width) >= _WIDEST * min(height, width):
            raise EncoderError(
                f"An omni encoder cannot read frames of {width} x {height} pixels, or of several sizes.",
                f"Hand it pictures of one size whose sides differ less than {_WIDEST}-fold.",
            )
        depth, square = int(self._images.temporal_patch_size), self.square**2
        size = {"shortest_edge": _LEAST_PICTURE_TOKENS * square, "longest_edge": MOST_PICTURE_TOKENS * square}
        found = self._images(images=list(frames), size=size, return_tensors="np", input_data_format="channels_last")
        _, h, w = (int(n) for n in found["image_grid_thw"][0])
        # The processor stands each picture `depth` times into its patches; a video has `depth` pictures there instead.
        stills = found["pixel_values"].reshape(len(frames), h * w, -1, depth, int(self._images.patch_size) ** 2)
        which = np.minimum(np.arange(-(-len(frames) // depth) * depth), len(frames) - 1).reshape(-1, depth)
        patches = np.stack([stills[which[:, d], :, :, d] for d in range(depth)], axis=3)
        return patches.reshape(len(which) * h * w, -1).astype(np.float32), (len(which), h, w)

    def _add_sound(self, prompt: Prompt, samples: FloatArray) -> None:
        run = _SOUND_RUN_S * self.sample_rate
        kept = samples[evenly(len(samples), self._most_seconds * self.sample_rate, run)]
        hop = int(self._sound.hop_length)
        least = max(len(kept), int(_LEAST_SOUND_S * self.sample_rate))
        wave = np.pad(kept, (0, -(-least // hop) * hop - len(kept)))
        found = self._sound(
            wave,
            sampling_rate=self.sample_rate,
            padding="do_not_pad",
            truncation=False,
            return_attention_mask=True,
            return_tensors="pt",
        )
        prompt.tensors["input_features"] = found["input_features"]
        prompt.tensors["feature_attention_mask"] = found["attention_mask"]
        self._add_block(prompt, "audio", self._count(int(found["attention_mask"].sum())))

    def _add_words(self, prompt: Prompt, text: str) -> None:
        tokens = np.asarray(self._plain(text.strip()), dtype=np.int64)
        prompt.add(tokens[evenly(len(tokens), TEXT_TOKENS, _TEXT_RUN)].tolist(), content=True)

    def _add_block(self, prompt: Prompt, kind: str, n: int) -> None:
        prompt.add([self._marks[f"{kind}_begin"]])
        prompt.add([self._marks[kind]] * n, content=True)
        prompt.add([self._marks[f"{kind}_end"]])

    def _plain(self, text: str, special: bool = False) -> list[int]:
        """Tokens of a text. Unless `special`, words that look like one of the model's marks stay words."""
        return list(self.tokenizer(text, add_special_tokens=False, split_special_tokens=not special)["input_ids"])


def evenly(n: int, most: int, run: int = 1) -> NDArray[np.int64]:
    """Which of n things in a row to keep: all up to `most`, else runs of `run`, spread evenly from end to end."""
    if n <= most:
        return np.arange(n)
    runs = max(1, most // run)
    middle = (n - run) / 2
    starts = np.linspace(0, n - run, runs) if runs > 1 else np.array([middle])
    return (np.floor(starts).astype(np.int64)[:, None] + np.arange(run)).ravel()


def sound_tokens(frames: int) -> int:
    """Tokens that Qwen2.5-Omni makes of so many frames of a spectrogram: two of its strides of 2."""
    return ((frames - 1) // 2 + 1 - 2) // 2 + 1


def sound_tokens_of_moe(frames: int) -> int:
    """Tokens that Qwen3-Omni makes of so many frames of a spectrogram: three strides of 2, by hundreds."""

    def halved(n: int) -> int:
        return ((((n - 1) // 2 + 1) - 1) // 2 + 1 - 1) // 2 + 1

    return frames // 100 * halved(100) + halved(frames % 100)


def _mark(config: Any, tokenizer: Any, in_config: str, in_tokenizer: str) -> int | None:
    """A token's number by the model's config or, where that is silent, by its tokenizer."""
    number = getattr(config, in_config, None)
    if number is None and (text := getattr(tokenizer, in_tokenizer, None)) is not None:
        number = tokenizer.convert_tokens_to_ids(text)
    return None if number is None else int(number)
