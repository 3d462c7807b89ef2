"""The probe and the post-mortem inside other people's training loops.

- `gradcourse.integrations.lightning.ProbeCallback` for Lightning's ``Trainer``
- `gradcourse.integrations.transformers.ProbeCallback` for Hugging Face's ``Trainer``

Each needs its library, which is an optional extra: ``pip install 'gradcourse[lightning]'``,
``pip install 'gradcourse[transformers]'``. Nothing is imported before you import it.
"""
