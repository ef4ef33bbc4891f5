//! Which stage needs which.

use std::collections::BTreeMap;

/// A stage, or an image that an instruction copies or mounts from. The stages come first, in the order of the file; the
/// images follow in the order in which BuildKit meets them, and share the stages' numbering.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// The stage that it stands on.
    pub base: Option<usize>,
    /// The nodes that its instructions need, each with the last instruction that does.
    pub needs: BTreeMap<usize, usize>,
    /// For an image: its name as written, and the instruction that names it.
    pub image: Option<(String, usize)>,
}

/// The nodes that a node needs, itself included.
pub(super) fn reachable(nodes: &[Node], target: usize) -> Vec<bool> {
    let mut found = vec![false; nodes.len()];
    let mut open = vec![target];
    while let Some(at) = open.pop() {
        let Some(node) = nodes.get(at) else { continue };
        if std::mem::replace(&mut found[at], true) {
            continue;
        }
        open.extend(node.base.into_iter().chain(node.needs.keys().copied()));
    }
    found
}

/// Stages that need one another in a circle.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Circle {
    /// The node where the search began.
    pub start: usize,
    /// The instructions that lead from there into the circle and round it.
    pub instructions: Vec<usize>,
}

/// The first circle, as BuildKit's `validateCircularDependency` searches: what a stage copies from and mounts counts,
/// what it stands on does not.
pub(super) fn circle(nodes: &[Node]) -> Option<Circle> {
    let mut visited = vec![false; nodes.len()];
    let mut on_path = vec![false; nodes.len()];
    for start in 0..nodes.len() {
        if visited[start] {
            continue;
        }
        visited[start] = true;
        on_path[start] = true;
        // Each entry: a node, how many of its needs were followed, and the instruction that led to it.
        let mut path: Vec<(usize, std::collections::btree_map::Iter<'_, usize, usize>, Option<usize>)> =
            vec![(start, nodes[start].needs.iter(), None)];
        while let Some((node, needs, _)) = path.last_mut() {
            let node = *node;
            match needs.next() {
                Some((next, instruction)) if on_path[*next] => {
                    let led = path.iter().filter_map(|(_, _, led)| *led);
                    return Some(Circle { start, instructions: led.chain([*instruction]).collect() });
                }
                Some((next, instruction)) => {
                    if !std::mem::replace(&mut visited[*next], true) {
                        on_path[*next] = true;
                        path.push((*next, nodes[*next].needs.iter(), Some(*instruction)));
                    }
                }
                None => {
                    on_path[node] = false;
                    path.pop();
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(needs: &[&[(usize, usize)]]) -> Vec<Node> {
        let node = |needs: &&[(usize, usize)]| Node { needs: needs.iter().copied().collect(), ..Node::default() };
        needs.iter().map(node).collect()
    }

    #[test]
    fn circles_are_found_with_the_way_into_them() {
        assert_eq!(circle(&nodes(&[&[], &[(0, 3)], &[(0, 5), (1, 6)]])), None);
        assert_eq!(circle(&nodes(&[&[(0, 1)]])), Some(Circle { start: 0, instructions: vec![1] }));
        let found = circle(&nodes(&[&[(1, 10)], &[(2, 11)], &[(1, 12)]]));
        assert_eq!(found, Some(Circle { start: 0, instructions: vec![10, 11, 12] }));
    }

    #[test]
    fn a_long_chain_is_no_deep_recursion() {
        let chain: Vec<Node> = (0..100_000usize)
            .map(|at| Node {
                needs: at.checked_sub(1).map(|below| (below, at)).into_iter().collect(),
                ..Node::default()
            })
            .collect();
        assert_eq!(circle(&chain), None);
        assert!(reachable(&chain, 99_999).iter().all(|found| *found));
    }
}
