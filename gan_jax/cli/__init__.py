"""Commands: the only room of the library that parses, prints and writes files for people; no other room imports it.

``python -m gan_jax COMMAND``, or ``gan-jax COMMAND``. A command is a module with ``main(words) -> status``; ``image_config`` is
the configuration that those about images share, ``image_runs`` what is made of it, ``translation_runs`` both of translators.
"""
