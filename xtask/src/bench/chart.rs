//! Bars as SVG, without a library: a group for each workload, a bar for each contestant, its number behind it. Colours are
//! told apart by people who see few of them, and the text follows the page between light and dark.

use std::fmt::Write;

const COLOURS: [&str; 6] = ["#0072b2", "#e69f00", "#009e73", "#999999", "#cc79a7", "#56b4e9"];
const LEFT: usize = 270;
const WIDTH: usize = 560;
const BAR: usize = 14;
const GAP: usize = 16;
const HEAD: usize = 56;

/// Bars with a common scale.
pub(crate) struct Chart {
    pub(crate) title: String,
    /// Contestants, in the order of their bars.
    pub(crate) series: Vec<String>,
    /// A name, and a number for each contestant that has one.
    pub(crate) groups: Vec<(String, Vec<Option<f64>>)>,
    /// Bars longer than this are cut.
    pub(crate) most: f64,
}

impl Chart {
    /// The picture.
    pub(crate) fn svg(&self) -> String {
        let group = self.series.len() * BAR + GAP;
        let (width, height) = (LEFT + WIDTH + 70, HEAD + self.groups.len() * group + 10);
        // Writing to a String cannot fail.
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"sans-serif\" font-size=\"11\">\n\
             <style>text {{ fill: #222 }} @media (prefers-color-scheme: dark) {{ text {{ fill: #ddd }} }}</style>\n\
             <text x=\"10\" y=\"18\" font-size=\"14\">{}</text>\n",
            escaped(&self.title)
        );
        self.legend(&mut svg);
        for (number, (name, values)) in self.groups.iter().enumerate() {
            let top = HEAD + number * group;
            let middle = top + self.series.len() * BAR / 2 + 4;
            let x = LEFT - 8;
            let _ =
                writeln!(svg, "<text x=\"{x}\" y=\"{middle}\" text-anchor=\"end\">{}</text>", escaped(name));
            for (at, value) in values.iter().enumerate() {
                if let Some(value) = value {
                    self.bar(&mut svg, top + at * BAR, at, *value);
                }
            }
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn legend(&self, svg: &mut String) {
        let mut x = 10;
        for (at, name) in self.series.iter().enumerate() {
            let colour = COLOURS[at % COLOURS.len()];
            let _ = writeln!(
                svg,
                "<rect x=\"{x}\" y=\"30\" width=\"10\" height=\"10\" fill=\"{colour}\"/><text x=\"{}\" y=\"39\">{}</text>",
                x + 14,
                escaped(name)
            );
            x += 34 + 7 * name.chars().count();
        }
    }

    fn bar(&self, svg: &mut String, y: usize, at: usize, value: f64) {
        let colour = COLOURS[at % COLOURS.len()];
        let length = (value.min(self.most) / self.most * WIDTH as f64).max(1.0);
        let _ = writeln!(
            svg,
            "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{length:.1}\" height=\"{}\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"{}\">{}</text>",
            BAR - 2,
            LEFT as f64 + length + 4.0,
            y + BAR - 4,
            shown(value)
        );
    }
}

/// Three digits.
fn shown(value: f64) -> String {
    match value {
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 100.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::Chart;

    #[test]
    fn each_number_has_a_bar_of_its_length() {
        let chart = Chart {
            title: "a < b".to_owned(),
            series: vec!["one".to_owned(), "two".to_owned()],
            groups: vec![
                ("x".to_owned(), vec![Some(1.0), None]),
                ("y & z".to_owned(), vec![Some(9.0), Some(0.5)]),
            ],
            most: 2.0,
        };
        let svg = chart.svg();
        assert_eq!(svg.matches("<rect").count(), 2 + 3, "{svg}");
        for piece in
            ["a &lt; b", "y &amp; z", "width=\"280.0\"", "width=\"560.0\"", "width=\"140.0\"", ">9.00<"]
        {
            assert!(svg.contains(piece), "{piece} in {svg}");
        }
    }
}
