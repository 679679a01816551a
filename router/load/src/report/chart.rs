//! Line charts as SVG, without anything from elsewhere.

use std::fmt::Write;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 280.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 46.0;
const BOTTOM: f64 = 34.0;
/// The points of one line: more than the width has pixels show nothing more.
const POINTS_MAX: usize = 430;
/// The lines across a chart, about.
const TICKS: f64 = 5.0;

/// The colours of all charts, in light and dark. A page and a standalone chart have it once.
pub(crate) const STYLE: &str = "
:root{--ink:#1c2330;--soft:#5b6577;--line:#d9dee7;--paper:#fff;--c0:#2563c9;--c1:#b45309;--c2:#b4232f;--c3:#0f766e;--c4:#7c3aed;--c5:#4d7c0f}
@media (prefers-color-scheme:dark){:root{--ink:#e6eaf2;--soft:#9aa5b8;--line:#343c4a;--paper:#12161d;--c0:#7aa9ff;--c1:#f0a54a;--c2:#ff7b86;--c3:#4fd1c5;--c4:#b79cff;--c5:#a3d65c}}
svg text{font:12px system-ui,sans-serif;fill:var(--soft)}svg .title{font-weight:600;fill:var(--ink)}
svg .grid{stroke:var(--line)}svg .curve{fill:none;stroke-width:1.6;stroke-linejoin:round}svg .dashed{stroke-dasharray:6 4}
svg .s0{stroke:var(--c0)}svg .s1{stroke:var(--c1)}svg .s2{stroke:var(--c2)}svg .s3{stroke:var(--c3)}svg .s4{stroke:var(--c4)}svg .s5{stroke:var(--c5)}
svg .paper{fill:var(--paper)}";

/// One line of a chart.
pub(crate) struct Curve {
    /// The name in the legend.
    pub(crate) name: String,
    /// The number of its colour.
    pub(crate) color: usize,
    /// Whether it is dashed.
    pub(crate) is_dashed: bool,
    /// The points, by rising x.
    pub(crate) points: Vec<(f64, f64)>,
}

impl Curve {
    /// Returns a solid line.
    pub(crate) fn solid(name: &str, color: usize, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.to_owned(),
            color,
            is_dashed: false,
            points,
        }
    }
}

/// A chart.
pub(crate) struct Chart<'a> {
    /// The title, with the unit of y.
    pub(crate) title: &'a str,
    /// The title of the x axis.
    pub(crate) x_title: &'a str,
    /// The lines.
    pub(crate) curves: &'a [Curve],
}

impl Chart<'_> {
    /// Draws the chart. A standalone file needs `with_style`.
    pub(crate) fn svg(&self, with_style: bool) -> String {
        let mut svg = String::new();
        // Writing into a string cannot fail.
        let _ = self.draw(&mut svg, with_style);
        svg
    }

    fn draw(&self, svg: &mut String, with_style: bool) -> std::fmt::Result {
        let points = || self.curves.iter().flat_map(|curve| curve.points.iter().copied());
        let x_max = points().map(|(x, _)| x).fold(0.0, f64::max);
        let y_max = points().map(|(_, y)| y).fold(0.0, f64::max);
        let (x_scale, y_scale) = (Scale::to(x_max), Scale::to(y_max));
        let title = escape(self.title);
        write!(
            svg,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">"#
        )?;
        if with_style {
            write!(svg, "<style>{STYLE}</style>")?;
        }
        write!(svg, r#"<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>"#)?;
        write!(svg, r#"<text class="title" x="{LEFT}" y="16">{title}</text>"#)?;
        for tick in y_scale.ticks() {
            let y = place_y(tick, &y_scale);
            let right = WIDTH - RIGHT;
            write!(
                svg,
                r#"<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1}" y2="{y:.1}"/>"#
            )?;
            write!(
                svg,
                r#"<text x="{}" y="{:.1}" text-anchor="end">{}</text>"#,
                LEFT - 6.0,
                y + 4.0,
                number(tick)
            )?;
        }
        for tick in x_scale.ticks() {
            let x = place_x(tick, &x_scale);
            write!(
                svg,
                r#"<text x="{x:.1}" y="{}" text-anchor="middle">{}</text>"#,
                HEIGHT - BOTTOM + 16.0,
                number(tick)
            )?;
        }
        let (x, y) = (WIDTH - RIGHT, HEIGHT - 4.0);
        write!(
            svg,
            r#"<text x="{x}" y="{y}" text-anchor="end">{}</text>"#,
            escape(self.x_title)
        )?;
        for curve in self.curves {
            self.draw_curve(svg, curve, &x_scale, &y_scale)?;
        }
        self.draw_legend(svg)?;
        svg.write_str("</svg>")
    }

    fn draw_curve(&self, svg: &mut String, curve: &Curve, x_scale: &Scale, y_scale: &Scale) -> std::fmt::Result {
        write!(
            svg,
            r#"<polyline class="curve s{}{}" points=""#,
            curve.color,
            dashed(curve)
        )?;
        for (x, y) in thin_out(&curve.points) {
            write!(svg, "{:.1},{:.1} ", place_x(x, x_scale), place_y(y, y_scale))?;
        }
        svg.write_str(r#""/>"#)
    }

    fn draw_legend(&self, svg: &mut String) -> std::fmt::Result {
        // A row of its own under the title, with about seven units for each letter.
        let mut x = LEFT;
        for curve in self.curves {
            write!(
                svg,
                r#"<line class="curve s{}{}" x1="{x:.0}" x2="{:.0}" y1="30" y2="30"/><text x="{:.0}" y="34">{}</text>"#,
                curve.color,
                dashed(curve),
                x + 22.0,
                x + 27.0,
                escape(&curve.name)
            )?;
            x += 40.0 + 7.0 * curve.name.chars().count() as f64;
        }
        Ok(())
    }
}

fn dashed(curve: &Curve) -> &'static str {
    if curve.is_dashed { " dashed" } else { "" }
}

/// An axis from zero to a round number.
struct Scale {
    step: f64,
    max: f64,
}

impl Scale {
    fn to(max: f64) -> Self {
        let rough = (max / TICKS).max(f64::MIN_POSITIVE);
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|factor| factor * power);
        let step = step
            .into_iter()
            .find(|step| *step >= rough * 0.999)
            .unwrap_or(power * 10.0);
        if max <= 0.0 {
            return Self { step: 1.0, max: 1.0 };
        }
        Self {
            step,
            max: (max / step).ceil() * step,
        }
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let count = (self.max / self.step).round() as u32;
        let step = self.step;
        (0..=count).map(move |tick| f64::from(tick) * step)
    }
}

fn place_x(x: f64, scale: &Scale) -> f64 {
    LEFT + (WIDTH - LEFT - RIGHT) * x / scale.max
}

fn place_y(y: f64, scale: &Scale) -> f64 {
    HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * y / scale.max
}

/// Keeps the highest of each group of neighbours: a peak must not vanish.
fn thin_out(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let group = points.len().div_ceil(POINTS_MAX).max(1);
    let groups = points.chunks(group);
    groups
        .filter_map(|group| {
            group
                .iter()
                .copied()
                .max_by(|(_, one), (_, other)| one.total_cmp(other))
        })
        .collect()
}

fn number(value: f64) -> String {
    if value >= 10.0 || value == 0.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        let text = format!("{value:.3}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

/// Escapes text for HTML and SVG.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number_above_the_highest_value() {
        for (max, step, end) in [
            (47.0, 10.0, 50.0),
            (0.9, 0.2, 1.0),
            (1_210.0, 250.0, 1_250.0),
            (0.0, 1.0, 1.0),
        ] {
            let scale = Scale::to(max);
            assert!(
                (scale.step - step).abs() < 1e-9 && (scale.max - end).abs() < 1e-9,
                "{max}: {} {}",
                scale.step,
                scale.max
            );
        }
    }

    #[test]
    fn a_long_line_keeps_its_peaks() {
        let mut points: Vec<(f64, f64)> = (0..10_000).map(|x| (f64::from(x), 1.0)).collect();
        points[5_001].1 = 99.0;
        let thin = thin_out(&points);
        assert!(thin.len() <= POINTS_MAX && thin.iter().any(|(_, y)| *y == 99.0));
    }
}
