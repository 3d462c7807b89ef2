"""Every measurement that more than one place shows: from a recipe and seeds to arrays.

One file per lesson, plain functions. A demo draws what they return, a question measures it, a
lesson shows it and a test claims it. A submission may import them: they give what the lesson's own
cells give. References and answers stay in `gradcourse.exercises`.
"""
