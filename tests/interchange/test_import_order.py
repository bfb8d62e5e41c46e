"""The modules of the room can be read one after the other: none needs one that needs it."""

from graphlib import TopologicalSorter

import grimp


def test_no_module_imports_one_that_imports_it():
    """Imports for type checking and those within functions count, too; a circle raises CycleError, which names it."""
    graph = grimp.build_graph("gru_tf", exclude_type_checking_imports=False, cache_dir=None)
    modules = {module for module in graph.modules if module.startswith("gru_tf.interchange.")}
    imports = {module: graph.find_modules_directly_imported_by(module) & modules for module in modules}
    assert len(list(TopologicalSorter(imports).static_order())) == len(modules)
