//! The table of `list`, byte for byte kamal-proxy's.

use crate::control::Listed;

const HEADER: [&str; 6] = ["Service", "Host", "Path", "Target", "State", "TLS"];

/// A header row and one row per service. Colours are always written: who parses the table expects them.
pub fn render(services: &[Listed]) -> String {
    let rows: Vec<[&str; 6]> = services.iter().map(cells).collect();
    let widths = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].len()).chain([HEADER[column].len()]).max().unwrap_or_default()
    });
    let mut table = row(&HEADER, &widths, ["3;94"; 6]);
    for cells in &rows {
        table.push_str(&row(cells, &widths, ["1;34", "", "", "", "", ""]));
    }
    table
}

fn cells(service: &Listed) -> [&str; 6] {
    let tls = if service.tls { "yes" } else { "no" };
    [&service.service, &service.host, &service.path, &service.target, &service.state, tls]
}

fn row(cells: &[&str; 6], widths: &[usize; 6], colours: [&str; 6]) -> String {
    let mut line = String::new();
    for ((cell, width), colour) in cells.iter().zip(widths).zip(colours) {
        let padding = " ".repeat(width - cell.len() + 2);
        line.push_str(&format!("\x1b[{colour}m{cell}\x1b[0m{padding}"));
    }
    line + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_padded_after_their_colour() {
        let service = Listed {
            service: "shop-web".into(),
            host: "*".into(),
            path: "/".into(),
            target: "1a2b3c4d5e6f:3000".into(),
            state: "running".into(),
            tls: false,
        };
        let expected = "\x1b[3;94mService\x1b[0m   \x1b[3;94mHost\x1b[0m  \x1b[3;94mPath\x1b[0m  \
                        \x1b[3;94mTarget\x1b[0m             \x1b[3;94mState\x1b[0m    \x1b[3;94mTLS\x1b[0m  \n\
                        \x1b[1;34mshop-web\x1b[0m  \x1b[m*\x1b[0m     \x1b[m/\x1b[0m     \
                        \x1b[m1a2b3c4d5e6f:3000\x1b[0m  \x1b[mrunning\x1b[0m  \x1b[mno\x1b[0m   \n";
        assert_eq!(render(&[service]), expected);
        assert_eq!(render(&[]).lines().count(), 1);
    }
}
