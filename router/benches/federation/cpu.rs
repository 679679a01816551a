//! Processor time: neither waiting nor the load of other programs counts (Linux: `schedstat`).

/// Returns the processor time of all threads of this process, in nanoseconds.
pub fn processor_ns() -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").expect("Linux");
    threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok())
        .filter_map(|stat| stat.split(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// Returns the median.
pub fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}
