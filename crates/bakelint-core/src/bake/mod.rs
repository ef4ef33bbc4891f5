//! The bake evaluator: what `docker buildx bake --print` resolves, with the place of every value.
